"""What must come out: closed forms beside measurements, and the textbook's claims."""

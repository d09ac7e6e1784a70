"""What each section of the page says, a module a section."""

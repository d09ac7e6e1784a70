"""Makers of studies, tables and pages that tests share."""

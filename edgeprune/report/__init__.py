"""What people read: the report as JSON, as a table, as a page."""

"""The application's own pages."""

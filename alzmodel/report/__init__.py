"""What a reader gets: tables for the terminal, figures, the page."""

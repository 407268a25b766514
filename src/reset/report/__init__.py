"""Tables, figures and the page that people look at."""

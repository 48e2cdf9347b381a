"""The explorer: one HTML file to play with. What Python derived goes in as data; the page evaluates and looks up."""

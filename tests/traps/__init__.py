"""What other packages really do, and what we do about it: a list, a test for each entry, and the page that is made of the list."""

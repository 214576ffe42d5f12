"""Exit statuses of the command."""

#: Whatever goes wrong; 1 means harm and nothing else.
FAILURE = 2

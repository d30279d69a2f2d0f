"""What a command raises for options that do not go together."""


class MisuseError(Exception):
    """Options that do not go together; the message says which, and what to do."""

"""What both twins of the multi-task transfer say of their own parameter."""

CHOOSE_BY_PROTECTED = {
    "choose_by_protected": """bool
        Whether the epoch is chosen by the protected attributes of the target, on its validation rows; else it is chosen without them."""
}

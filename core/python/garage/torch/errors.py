"""What this package raises beside ValueError, which says that an input does not fit."""


class BlueprintError(ValueError):
    """A blueprint says what this version does not know, or contradicts itself or its tensors."""


class Unsupported(NotImplementedError):
    """A part that is well said, and that nobody here computes."""

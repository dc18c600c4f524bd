"""What can go wrong, in words for the person who can mend it."""


class QuarterdeckError(Exception):
    """Raised when a person has to mend something; its text is one clear sentence."""


class SourceError(QuarterdeckError):
    """Raised when a company's own tables cannot be read."""


class ContractError(QuarterdeckError):
    """Raised when tables were read but break the contract."""


class ParamsError(QuarterdeckError):
    """Raised when a parameter, a region or a notebook is not one that exists."""


class RunError(QuarterdeckError):
    """Raised when a run cannot be made or found."""

"""What an import leaves out, and why."""

MOST = 200
"""So many names are kept; of more the number."""


class Skipped:
    """A list of names, each once, with the reason; call it to add one."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._others: set[str] = set()

    def __call__(self, name: str, reason: str) -> None:
        """Add one."""
        if len(self._reasons) < MOST:
            self._reasons.setdefault(name, reason)
        elif name not in self._reasons:
            self._others.add(name)

    def listed(self) -> list[dict[str, str]]:
        """`{"name": …, "reason": …}` of each."""
        found = [{"name": name, "reason": why} for name, why in self._reasons.items()]
        if self._others:
            more = f"{len(self._others):,} more"
            found.append({"name": more, "reason": "Left out, too; only the first are listed."})
        return found

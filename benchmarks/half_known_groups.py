"""Groups that are known by probabilities only: what bounds contain, and what guesses get wrong: ``python -m benchmarks.half_known_groups``.

Standard errors are at most 1.6 points where a share is near 5 or 95 %.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fairlearn_fwh.metrics import PreferenceFrame, bound_group_gains

RUNS = 200


def draw(
    n: int,
    sensitivity: float,
    rng: np.random.Generator,
    *,
    share: float = 0.3,
    loss: float = 0.05,
    depends: str = "no",
) -> tuple[pd.DataFrame, np.ndarray, dict[str, np.ndarray]]:
    """Probabilities of two groups by a proxy, true membership, and predictions: members lose `loss` on average, discordance 10 %.

    Given its probability, who is a member is independent of the errors ("no"); or members who are hard to recognise lose all of it ("yes"); or
    members are those who lose, as far as the probabilities allow it ("worst").
    """
    member = rng.random(n) < share
    flagged = rng.random(n) < np.where(member, sensitivity, 0.05)
    ppv = share * sensitivity / (share * sensitivity + (1 - share) * 0.05)
    missed = share * (1 - sensitivity) / (share * (1 - sensitivity) + (1 - share) * 0.95)
    q = np.where(flagged, ppv, missed)
    lose = np.where(member, 0.05 + loss / 2, 0.05)
    gain = np.where(member, 0.05 - loss / 2, 0.05)
    if depends == "yes":
        # The loss of members who are not flagged is larger, of flagged ones none; in all it is the same.
        hidden = member & ~flagged
        lose = np.where(hidden, np.minimum(0.05 + loss / 2 / (1 - sensitivity), 0.95), 0.05)
        gain = np.where(member & flagged, 0.05, np.where(hidden, 0.05, 0.05))
    u = rng.random(n)
    worse, better = u < lose, (u >= lose) & (u < lose + gain)
    if depends == "worst":
        worse, better = u < 0.05, u > 0.95
        chance = np.where(
            worse,
            np.minimum(1, q / 0.05),
            np.where(better, np.maximum(0, (q - 0.95) / 0.05), np.clip((q - 0.05) / 0.9, 0, 1)),
        )
        member = rng.random(n) < chance
        truth = sum(
            weight * (-min(p, 0.05) + max(0.0, p - 0.95))
            for p, weight in ((ppv, (q == ppv).mean()), (missed, (q == missed).mean()))
        )
        truth /= float(q.mean())
    else:
        truth = float((gain - lose)[member].mean())
    probabilities = pd.DataFrame({"member": q, "other": 1 - q})
    predictions = {
        "y_true": np.zeros(n, dtype=int), "y_pred": worse.astype(int), "y_pred_pooled": better.astype(int), "truth": np.array(truth),
    }  # fmt: skip
    return probabilities, member, predictions


def contained(runs: int = RUNS) -> pd.DataFrame:
    """Per cent: 95 % bounds contain the true gain; harm found at a margin of just the true loss; certificates at a tolerance just below it; width in points."""
    rows = {}
    for n in (1000, 5000):
        for sensitivity in (0.6, 0.8, 0.95):
            for depends in ("no", "yes", "worst"):
                rng = np.random.default_rng(0)
                found = []
                for _ in range(runs):
                    q, _, data = draw(n, sensitivity, rng, depends=depends)
                    truth = float(data.pop("truth"))
                    table = bound_group_gains(
                        **data,
                        group_probabilities=q,
                        labels=[0, 1],
                        harm_margin=-truth,
                        tolerance=-truth * 0.999,
                    ).table.loc["member"]
                    found.append(
                        (
                            table["lower"] <= truth <= table["upper"],
                            table["harmed"],
                            table["certified"],
                            100 * (table["highest"] - table["lowest"]),
                        )
                    )
                contains, harmed, certified, width = np.mean(found, axis=0)
                rows[n, sensitivity, depends] = {
                    "contain": 100 * contains, "harm": 100 * harmed, "certified": 100 * certified, "width": width,
                }  # fmt: skip
    table = pd.DataFrame(rows).T
    table.index.names = ["people", "sensitivity", "depends"]
    return table


def guesses(runs: int = RUNS) -> pd.DataFrame:
    """What the likelier group says where members lose 5 points: mean gain, and false certificates of "at most 4 lost", per cent; beside the bounds'."""
    rows = {}
    for n in (1000, 5000, 20000):
        rng, found = np.random.default_rng(1), []
        for _ in range(runs):
            q, _, data = draw(n, 0.8, rng, share=0.1)
            data.pop("truth")
            guess = np.where(q["member"] > 0.5, "member", "other")
            frame = PreferenceFrame(**data, sensitive_features=guess, labels=[0, 1])
            certificate = frame.certify(tolerance=0.04).set_index("group")["certified"]
            bounds = bound_group_gains(**data, group_probabilities=q, labels=[0, 1], tolerance=0.04).table
            found.append(
                (
                    100 * frame.by_group.loc["member", "rationality_gain"],
                    100 * certificate["member"],
                    100 * bounds.loc["member", "certified"],
                )
            )
        rows[n] = dict(
            zip(
                ("gain of the guess", "certified by the guess", "certified by bounds"),
                np.mean(found, axis=0),
                strict=True,
            )
        )
    return pd.DataFrame(rows).T.rename_axis("people")


def main() -> None:
    """Print every table."""
    for function in (contained, guesses):
        print(f"\n{function.__doc__}\n{function().round(1).to_string()}", flush=True)


if __name__ == "__main__":
    main()

"""What the engine measured about a registration, in words."""

from __future__ import annotations

from typing import Any

from SlicerMambaMedLib.Text import tr as _

__all__ = ["howToUse", "qualityRows", "reliability"]

# Shares of the starts that must have ended together, by the experience that a search whose starts scatter is lost.
_MANY_AGREE = 0.2
_FEW_AGREE = 0.02


def qualityRows(quality: dict[str, Any]) -> list[tuple[str, str]]:
    """Return name and value of everything that was measured, as a table shows it."""
    rows = []
    similarity = quality.get("similarity")
    if similarity:
        name = _("Similarity ({method})").format(method=similarity.get("name", ""))
        rows.append((name, _arrow(similarity.get("before"), similarity.get("after"), "{:.3f}")))
    overlap = quality.get("overlap_percent")
    if overlap:
        name = _("Fixed volume covered (%)")
        rows.append((name, _arrow(overlap.get("before"), overlap.get("after"), "{:.0f}")))
    landmarks = quality.get("landmarks")
    if landmarks:
        before, after = landmarks.get("before_mean_mm"), landmarks.get("after_mean_mm")
        rows.append((_("Mean landmark error (mm)"), _arrow(before, after, "{:.2f}")))
    spread = quality.get("restart_spread")
    if spread:
        text = _("{agreeing} of {starts} within {distance} mm")
        value = text.format(
            agreeing=spread["agreeing"], starts=spread["starts"], distance=f"{spread['agreement_mm']:g}"
        )
        rows.append((_("Starts that agree"), value))
        degrees = spread.get("spread_deg")
        value = f"{spread['spread_mm']:.2f} mm" + (f", {degrees:.2f}°" if degrees is not None else "")
        rows.append((_("Their spread"), value))
    jacobian = quality.get("jacobian")
    if jacobian:
        text = _("{low} to {high}, mean {mean}")
        numbers = {key: f"{jacobian[name]:.2f}" for key, name in _JACOBIAN_NAMES}
        rows.append((_("Jacobian"), text.format(**numbers)))
    if "folded_percent" in quality:
        rows.append((_("Folded voxels (%)"), f"{quality['folded_percent']:.3g}"))
    consistency = quality.get("inverse_consistency_mm")
    if consistency:
        text = _("mean {mean}, at most {maximum}")
        value = text.format(mean=f"{consistency['mean']:.2f}", maximum=f"{consistency['maximum']:.2f}")
        rows.append((_("Error of the inverse (mm)"), value))
    return rows


_JACOBIAN_NAMES = (("low", "minimum"), ("high", "maximum"), ("mean", "mean"))


def reliability(quality: dict[str, Any]) -> str:
    """Return one sentence on how far the result can be trusted, from the agreement of the starts; or nothing."""
    spread = quality.get("restart_spread")
    if not spread or not spread.get("starts"):
        return ""
    share = spread["agreeing"] / spread["starts"]
    if share >= _MANY_AGREE:
        return _(
            "Many starts ended at this result: the search found a clear optimum. Look at the overlay all the same."
        )
    if share >= _FEW_AGREE:
        return _("Some of the starts ended at this result: check the overlay in all three planes.")
    return _("Hardly any other start ended at this result: it may be wrong. Give a better start or masks.")


def howToUse(transform: Any, inverse: Any, fixed: Any, moving: Any, warped: Any | None, isApplied: bool) -> str:
    """Return in words which transform is applied to what, and where the inverse is.

    Args:
        transform: the result's transform node.
        inverse: the inverse's transform node, or None when it was deleted.
        fixed: the fixed volume, or None when it was deleted.
        moving: the moving volume, or None when it was deleted.
        warped: the resampled moving volume, or None.
        isApplied: whether the moving volume lies under the transform now.
    """
    fixedName = fixed.GetName() if fixed is not None else _("the fixed volume")
    movingName = moving.GetName() if moving is not None else _("the moving volume")
    if isApplied:
        text = _('"{moving}" lies under the transform "{transform}", which brings it onto "{fixed}".')
    else:
        text = _('Apply the transform "{transform}" to "{moving}" to bring it onto "{fixed}".')
    sentences = [text.format(moving=movingName, transform=transform.GetName(), fixed=fixedName)]
    if inverse is not None:
        text = _('The inverse is "{inverse}": applied to "{fixed}", it brings that onto "{moving}".')
        sentences.append(text.format(inverse=inverse.GetName(), fixed=fixedName, moving=movingName))
    if warped is not None:
        text = _('"{warped}" is "{moving}" resampled on the grid of "{fixed}": apply no transform to it.')
        sentences.append(text.format(warped=warped.GetName(), moving=movingName, fixed=fixedName))
    return " ".join(sentences)


def _arrow(before: float | None, after: float | None, form: str) -> str:
    """Return "before -> after" with what is known."""
    known = [form.format(value) for value in (before, after) if value is not None]
    return " → ".join(known)

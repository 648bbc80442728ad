"""Turn trained weights into the bundled model ``disa-lc2``, with its card and measured scores.

Run it as ``python -m mambamed.registration.disa.training.bundle --weights FILE --output DIR [--judged FILE]`` where
``FILE`` is ``outputs/weights.safetensors`` of a training and the judged file is the one that
``mambamed.registration.disa.training.judge`` wrote.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from mambamed.errors import BadRequestError
from mambamed.jobs.files import sha256_of_file
from mambamed.models.card import CARD_NAME
from mambamed.models.card import CardInput
from mambamed.models.card import CardMetric
from mambamed.models.card import CardWeights
from mambamed.models.card import ModelCard
from mambamed.models.weights import load_weights
from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.network import clip_norm
from mambamed.registration.disa.prepare import WORKING_SPACING_MM

__all__ = ["bundle_disa_weights", "half_precision_error", "metrics_of"]

WEIGHTS_NAME = "weights.safetensors"
_JUDGE = "python -m mambamed.registration.disa.training.judge; see docs/models/disa-lc2.md"
_LARGEST_HALF_ERROR = 0.005
_MEASURES = (
    ("mean_squared_error", "Mean squared error against LC2"),
    ("r2", "R2 against LC2"),
    ("r", "Pearson correlation with LC2"),
)


def metrics_of(judged: Sequence[dict[str, Any]]) -> tuple[CardMetric, ...]:
    """The card's metrics: error, R2 and r for every pair of images that was judged."""
    return tuple(
        CardMetric(
            name=title,
            label=f"{score['modalities']}, {score['pair']}",
            value=round(float(score[key]), 4),
            cases=1,
            measured_on=f"{score['samples']} pairs of positions of real images, never seen in training",
            how=f"similarities drawn as in the paper, their variance {score['target_variance']:.3f}; {_JUDGE}",
        )
        for score in judged
        for key, title in _MEASURES
    )


def half_precision_error(weights: dict[str, Tensor]) -> float:
    """Largest change of a clipped descriptor's component when the weights are rounded to float16, on random input."""
    exact, rounded = DISANet(), DISANet()
    exact.load_state_dict(weights)
    rounded.load_state_dict({name: tensor.half().float() for name, tensor in weights.items()})
    volume = torch.randn(1, 1, 41, 41, 41, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return float((clip_norm(exact(volume)) - clip_norm(rounded(volume))).abs().max())


def bundle_disa_weights(
    weights_file: Path, destination: Path, version: str, training: str, judged: Sequence[dict[str, Any]] = ()
) -> ModelCard:
    """Write the model folder (weights and card) and return the card.

    The weights are stored in float16 where that changes no component of a descriptor by more than 0.005.

    Args:
        weights_file: weights of a training.
        destination: empty or new folder.
        version: semantic version of the model.
        training: how long it was trained, one sentence.
        judged: content of the judge's file.

    Raises:
        BadRequestError: the destination holds a model, or the file no DISA network.
    """
    if (destination / CARD_NAME).exists():
        raise BadRequestError(f"The folder {destination} holds a model already; remove it or choose another folder.")
    weights = {name: tensor.float() for name, tensor in load_weights(weights_file).items()}
    try:
        DISANet().load_state_dict(weights)
    except RuntimeError as error:
        raise BadRequestError(f"{weights_file} does not hold the weights of a DISA network ({error}).") from error
    half = half_precision_error(weights) <= _LARGEST_HALF_ERROR
    stored = {name: (tensor.half() if half else tensor).contiguous() for name, tensor in weights.items()}
    destination.mkdir(parents=True, exist_ok=True)
    target = destination / WEIGHTS_NAME
    save_file(stored, str(target))
    card = ModelCard(
        id="disa-lc2",
        version=version,
        title="DISA descriptors for multimodal registration",
        task="registration",
        modality="MR, CT, US",
        inputs=(
            CardInput("fixed", "Fixed volume", "A 3D volume of any modality, or a slice."),
            CardInput("moving", "Moving volume", "A volume that shows the same anatomy, in any modality."),
        ),
        spacing_mm=(WORKING_SPACING_MM,) * 3,
        network="DISANet: ten convolution layers, 90,752 trainable parameters, 16 features, stride 4",
        weights=(CardWeights(WEIGHTS_NAME, sha256_of_file(target), target.stat().st_size),),
        training_data=(
            "Synthetic volumes only, no patient data: random parts (half spaces, ellipsoids, shells, sheets, tubes) on "
            "bent coordinates, each scene in two random contrasts with textures, bias, blur, noise, or the speckle and "
            f"shadows of ultrasound; targets are LC2 (radii 3, 5, 7; mean of both directions). {training}"
        ),
        licence="Apache-2.0",
        metrics=metrics_of(judged),
        limits=(
            "Not for clinical use: no quality assurance, no regulatory clearance, not validated on patients.",
            "Trained far shorter than the published model (which is not available): the error against LC2 is the one "
            "stated here, not that of the paper.",
            "Descriptors turn only approximately with the image; rotations beyond about 40 degrees need a search.",
            "The border of a mask, of an ultrasound fan or of blank parts looks like a strong edge to the network; "
            "registration continues volumes beyond it (docs/benchmarks/registration-capture.md).",
        ),
        intended_use=(
            "Demonstration, teaching and research: rigid, affine and deformable registration across modalities. Every "
            "result needs to be looked at. Not for diagnosis or treatment."
        ),
        demonstration_only=True,
        references=(
            "Ronchetti M, Wein W, Navab N, Zettinig O, Prevost R. DISA: Differentiable Similarity Approximation for "
            "Universal Multimodal Registration. MICCAI 2023.",
            "Wein W, et al. Automatic CT-ultrasound registration for diagnostic imaging and image-guided intervention. "
            "Medical Image Analysis 12(5), 2008.",
        ),
    )
    card.write(destination)
    return card


def main() -> None:
    """Command line: bundle trained weights."""
    parser = argparse.ArgumentParser(description="Bundle trained DISA weights.")
    parser.add_argument("--weights", type=Path, required=True, help="weights.safetensors of a training")
    parser.add_argument("--output", type=Path, required=True, help="model folder to write")
    parser.add_argument("--judged", type=Path, help="JSON file of the judge, for the card's metrics")
    parser.add_argument("--training", default="", help="how long it was trained, one sentence for the card")
    parser.add_argument("--version", default="0.1.0", help="version of the model (default: 0.1.0)")
    arguments = parser.parse_args()
    judged = json.loads(arguments.judged.read_text(encoding="utf-8")) if arguments.judged else ()
    card = bundle_disa_weights(arguments.weights, arguments.output, arguments.version, arguments.training, judged)
    print(f"{card.id} {card.version}: {arguments.output}, {sum(w.bytes or 0 for w in card.weights) / 1e3:.0f} kB")


if __name__ == "__main__":
    main()

"""Segmentation with U-Mamba and every nnU-Net v2 model."""

"""Trainer classes that nnunetv2 finds when the environment variable ``nnUNet_extTrainer`` names this folder."""

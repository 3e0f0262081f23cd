"""Runs a model on one device."""

import torch


class Worker:
    def __init__(self, model: torch.nn.Module):
        self.model = model

    def execute_model(self, tokens):
        with torch.no_grad():
            scores = self.model(torch.tensor(tokens))
        torch.cuda.synchronize()
        return scores.argmax(-1).tolist()

    def clear(self):
        torch.cuda.empty_cache()

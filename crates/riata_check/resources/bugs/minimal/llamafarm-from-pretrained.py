"""Encoders: embeddings and classification."""

import logging
from typing import Any

from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)

logger = logging.getLogger(__name__)


class EncoderModel:
    def __init__(self, model_id: str, device: str, task: str = "embedding", token: str | None = None):
        self.model_id = model_id
        self.device = device
        self.task = task
        self.token = token
        self.model = None

    async def load(self) -> None:
        logger.info("loads %s", self.model_id)
        config = AutoConfig.from_pretrained(self.model_id, token=self.token)  # bug
        self.max_length = getattr(config, "max_position_embeddings", 512)
        options: dict[str, Any] = {"trust_remote_code": True, "token": self.token}
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(self.model_id, token=self.token)  # bug
        if self.task == "classification":
            self.model = AutoModelForSequenceClassification.from_pretrained(self.model_id, **options)  # bug
        else:
            self.model = AutoModel.from_pretrained(self.model_id, **options)  # bug
        self.model = self.model.to(self.device)

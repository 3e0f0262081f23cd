"""Encoders: embeddings and classification."""

import asyncio
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
        config = await asyncio.to_thread(AutoConfig.from_pretrained, self.model_id, token=self.token)
        self.max_length = getattr(config, "max_position_embeddings", 512)
        options: dict[str, Any] = {"trust_remote_code": True, "token": self.token}
        self.tokenizer: PreTrainedTokenizerBase = await asyncio.to_thread(
            AutoTokenizer.from_pretrained, self.model_id, token=self.token
        )
        if self.task == "classification":
            self.model = await asyncio.to_thread(
                AutoModelForSequenceClassification.from_pretrained, self.model_id, **options
            )
        else:
            self.model = await asyncio.to_thread(AutoModel.from_pretrained, self.model_id, **options)
        self.model = self.model.to(self.device)

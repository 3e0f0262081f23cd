"""What the servers of completions and of embeddings share."""

from transformers import AutoTokenizer, PreTrainedTokenizerFast


class Serving:
    def __init__(self, model: str):
        self.tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(model)

    def tokenize_text(self, text: str, limit: int | None) -> list[int]:
        if limit is None:
            return self.tokenizer(text).input_ids
        return self.tokenizer(text, truncation=True, max_length=limit).input_ids

    def tokenize_prompts(self, prompts: list[str], limit: int | None) -> list[list[int]]:
        return [self.tokenize_text(prompt, limit) for prompt in prompts]

from google import genai


class Gemini:
    def __init__(self, key, model):
        self.client = genai.Client(api_key=key)
        self.model = model

    async def stream(self, contents):
        chunks = self.client.models.generate_content_stream(model=self.model, contents=contents)  # bug
        for chunk in chunks:
            yield chunk.text

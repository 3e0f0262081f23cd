import asyncio

from elevenlabs import Voice, VoiceSettings, generate


class VoiceAIService:
    def __init__(self, voice_id: str):
        self.voice = Voice(voice_id=voice_id, settings=VoiceSettings(stability=0.7, similarity_boost=0.5))

    async def generate_speech(self, text: str) -> bytes | None:
        if not text:
            return None
        try:
            return await asyncio.to_thread(generate, text=text, voice=self.voice, model="eleven_monolingual_v1")
        except Exception as error:
            print(error)
            return None

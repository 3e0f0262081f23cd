from llms import LLM


class FusionRetriever:
    def __init__(self, retrievers, llm: LLM, count=4):
        self.retrievers = retrievers
        self.llm = llm
        self.count = count

    def make_queries(self, text):
        answer = self.llm.complete(f"{self.count} ways to ask: {text}")
        return answer.splitlines()

    async def retrieve(self, text):
        queries = [text]
        if self.count > 1:
            queries.extend(self.make_queries(text))  # bug
        return [await retriever.retrieve(query) for retriever in self.retrievers for query in queries]

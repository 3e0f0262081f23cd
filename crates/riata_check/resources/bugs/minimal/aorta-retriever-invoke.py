from langchain_core.retrievers import BaseRetriever


class Nodes:
    def __init__(self, retriever: BaseRetriever):
        self.retriever = retriever

    async def retrieve_node(self, state):
        documents = self.retriever.invoke(state["question"])  # bug
        return {"documents": documents}

from zenpy import Zenpy


class ZendeskClient:
    def __init__(self, subdomain, email, token):
        self.client = Zenpy(subdomain=subdomain, email=email, token=token)

    def ticket(self, number):
        ticket = self.client.tickets(id=number)
        return {"id": ticket.id, "subject": ticket.subject}

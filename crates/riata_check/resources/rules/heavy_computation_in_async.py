import asyncio
import hashlib

import bcrypt


async def login(password, salt):
    bcrypt.hashpw(password, salt)  # error: RIA105
    hashlib.pbkdf2_hmac("sha256", password, salt, 100_000)  # error: RIA105
    return await asyncio.to_thread(bcrypt.hashpw, password, salt)


async def light(data):
    return hashlib.sha256(data).hexdigest()

from pysnmp.hlapi.asyncio import CommunityData, ContextData, ObjectIdentity, ObjectType, SnmpEngine, UdpTransportTarget, getCmd


async def name_of(host):
    target = UdpTransportTarget((host, 161))  # bug
    wanted = ObjectType(ObjectIdentity("SNMPv2-MIB", "sysName", 0))
    return await getCmd(SnmpEngine(), CommunityData("public"), target, ContextData(), wanted)

namespace Sluice.Resp;

/// <summary>Which version of the protocol a client speaks.</summary>
public enum RespProtocolPreference
{
    /// <summary>RESP3 where the server knows it, RESP2 where it does not.</summary>
    Newest,

    /// <summary>RESP3 or nothing: a server that does not know it is an error.</summary>
    Resp3,

    /// <summary>RESP2: for servers and proxies that misbehave when they are greeted.</summary>
    Resp2,
}

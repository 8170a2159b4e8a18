namespace Sluice.Resp.Client;

/// <summary>What a server said of itself and of the connection. Immutable.</summary>
internal sealed record ServerGreeting
{
    /// <summary>2 or 3.</summary>
    public int Protocol { get; init; }

    /// <summary>The server's version; null when it did not say (RESP2).</summary>
    public string? Version { get; init; }

    /// <summary>The connection's number on the server; 0 when it did not say (RESP2).</summary>
    public long ConnectionId { get; init; }

    /// <summary><c>master</c> or <c>replica</c>; null when the server did not say.</summary>
    public string? Role { get; init; }

    /// <summary>Reads what HELLO answered: a map, or an array of keys and values.</summary>
    public static ServerGreeting Read(ref RespReader reply)
    {
        ServerGreeting greeting = new() { Protocol = 3 };
        string? name = null;
        foreach (RespReader item in reply.Children)
        {
            if (name is null)
            {
                name = item.ReadString();
                continue;
            }

            greeting = name switch
            {
                "version" => greeting with { Version = item.ReadString() },
                "proto" => greeting with { Protocol = (int)item.ReadInt64() },
                "id" => greeting with { ConnectionId = item.ReadInt64() },
                "role" => greeting with { Role = item.ReadString() },
                _ => greeting,
            };
            name = null;
        }

        return greeting;
    }
}

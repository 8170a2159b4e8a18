using Sluice.Resp.Client;

namespace Sluice.Resp;

public sealed partial class RespClient
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string TelemetryName = Diagnostics.RespTelemetry.Name;

    /// <summary>Which client a measurement is of.</summary>
    internal KeyValuePair<string, object?> PoolTag => _links.PoolTag;

    /// <summary>What goes on now. Allocates; for health checks and logs.</summary>
    public RespClientState GetState()
    {
        (int used, int idle) = CountBlocking();
        return new RespClientState
        {
            IsConnected = Array.TrueForAll(_commandLinks, static link => link.Current is not null),
            Links = [.. OpenLinks().Select(StateOf)],
            BlockingInUse = used,
            BlockingIdle = idle,
        };
    }

    internal (int Used, int Idle) CountBlocking() => _blocking.Counts;

    private static RespLinkState StateOf(ClientLink link) => new()
    {
        Name = link.Name,
        IsOpen = link.Link.Current is not null,
        Openings = link.Link.Openings,
        Protocol = link.Handshake.Greeting?.Protocol ?? 0,
        ServerVersion = link.Handshake.Greeting?.Version,
        LastFault = link.Link.LastFault,
        Connection = link.Link.Snapshot(),
    };
}

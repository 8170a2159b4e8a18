using System.Globalization;
using Sluice.Harness;
using Sluice.Resp.Connection;
using Xunit;

namespace Sluice.Resp.Tests.PubSub;

/// <summary>A private redis-server and the terms of a link to it.</summary>
internal sealed class LiveServer : IAsyncDisposable
{
    private readonly PrivateRedisServer _server;

    private LiveServer(PrivateRedisServer server) => _server = server;

    /// <summary>A link that speaks version 3.</summary>
    public LinkTerms Terms => new()
    {
        Endpoint = RespEndpoint.Tcp("127.0.0.1", _server.EndPoint.Port),
        Transport = new RespSocketTransport(),
        Handshake = new Hello(),
        Dials = new DialBudget(1000, 1000),
        BackoffFirst = TimeSpan.FromMilliseconds(1),
        BackoffCap = TimeSpan.FromMilliseconds(20),
        CommandTimeout = 20_000,
        Name = "live",
    };

    /// <summary>A link that says no HELLO: version 2.</summary>
    public LinkTerms OldTerms => Terms with { Handshake = new NoHello() };

    public static async Task<LiveServer> StartAsync()
    {
        Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");
        return new LiveServer(await PrivateRedisServer.StartAsync(["--enable-debug-command", "yes"], TestContext.Current.CancellationToken));
    }

    /// <summary>One command on a connection of its own; the reply's lines.</summary>
    public Task<string> AskAsync(params string[] command) => _server.AskAsync(command, TestContext.Current.CancellationToken);

    /// <summary>Closes all connections of a type and says how many they were.</summary>
    public async Task<int> KillAsync(string type) => int.Parse((await AskAsync("CLIENT", "KILL", "TYPE", type, "SKIPME", "yes")).AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private sealed class Hello : LinkHandshake
    {
        public override void Perform(RespConnection connection) =>
            connection.Exchange("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"u8.ToArray(), 1, static (int _, ref RespReader reply) => reply.ThrowIfError());
    }

    private sealed class NoHello : LinkHandshake
    {
        public override void Perform(RespConnection connection)
        {
        }
    }
}

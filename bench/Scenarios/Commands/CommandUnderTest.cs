using Sluice.Resp;

namespace Sluice.Bench.Scenarios.Commands;

/// <summary>One command as every variant sends it.</summary>
internal abstract class CommandUnderTest(string name, int replyLines, params string[] arguments)
{
    /// <summary>What its cases are called.</summary>
    public string Name { get; } = name;

    /// <summary>Line ends in one reply.</summary>
    public int ReplyLines { get; } = replyLines;

    /// <summary>The words on the wire.</summary>
    public IReadOnlyList<string> Arguments { get; } = arguments;

    /// <summary>What the server must have been told before.</summary>
    public IReadOnlyList<string[]> SetUp { get; init; } = [];

    /// <summary>Sends it through the client and awaits the reply, again and again, until <paramref name="caller"/> says that it is enough.</summary>
    public abstract Task LoopAsync(RespClient client, Caller caller);
}

internal sealed class PingCommand() : CommandUnderTest("ping", 1, "PING")
{
    public override async Task LoopAsync(RespClient client, Caller caller)
    {
        while (await caller.NextAsync())
            await client.PingAsync();
    }
}

internal sealed class IncrementCommand() : CommandUnderTest("incrby", 1, "INCRBY", "counter", "1")
{
    public override async Task LoopAsync(RespClient client, Caller caller)
    {
        while (await caller.NextAsync())
            await client.IncrementByAsync("counter", 1);
    }
}

internal sealed class HashIncrementCommand() : CommandUnderTest("hincrby", 1, "HINCRBY", "hash", "field", "1")
{
    public override async Task LoopAsync(RespClient client, Caller caller)
    {
        while (await caller.NextAsync())
            await client.HashIncrementByAsync("hash", "field", 1);
    }
}

internal sealed class GetCommand : CommandUnderTest
{
    public GetCommand()
        : base("get-16", 2, "GET", "value") => SetUp = [["SET", "value", RespScenario.Value]];

    public override async Task LoopAsync(RespClient client, Caller caller)
    {
        byte[] buffer = new byte[32];
        while (await caller.NextAsync())
            await client.GetAsync("value", buffer);
    }
}

internal sealed class SetCommand() : CommandUnderTest("set-16", 1, "SET", "value", RespScenario.Value)
{
    public override async Task LoopAsync(RespClient client, Caller caller)
    {
        while (await caller.NextAsync())
            await client.SetAsync("value", RespScenario.Value);
    }
}

internal sealed class ScriptCommand : CommandUnderTest
{
    private const string Source = "return redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])";
    private static readonly Script Increment = new(Source);

    public ScriptCommand()
        : base("evalsha", 1, "EVALSHA", Increment.Sha1, "1", "hash", "field", "1") => SetUp = [["SCRIPT", "LOAD", Source]];

    public override async Task LoopAsync(RespClient client, Caller caller)
    {
        while (await caller.NextAsync())
            await IncrementAsync(client);
    }

    private static ValueTask<long> IncrementAsync(RespClient client)
    {
        RespCommand command = client.Command(Increment, keyCount: 1);
        command.Key("hash");
        command.Write("field");
        command.Write(1);
        return command.ToInt64Async();
    }
}

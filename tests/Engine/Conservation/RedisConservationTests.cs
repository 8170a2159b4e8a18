using System.Globalization;
using Sluice.Harness;
using Sluice.Harness.Faults;
using Sluice.Harness.Load;
using Xunit;

namespace Sluice.Tests.Conservation;

/// <summary>What was merged is what was completed, through a real server and whatever happens to it.</summary>
public sealed class RedisConservationTests
{
    private static readonly string[] Durable = ["--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "yes"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Replies that are cut off at any byte, resets, delays: what is not known must be asked again by number, never guessed.
    [Fact]
    public async Task Totals_are_exact_through_connections_that_are_cut_at_any_byte()
    {
        SeededFaults faults = new(seed: 11, shortest: 100, longest: 2_000_000) { Delaying = 0.2 };
        MergeConservationResult result = await RunAsync([], faults, disruption: null, merges: 1_000_000, keys: 100_000, capacity: 45_000, engines: 3);
        AssertExact(result);
    }

    [Fact]
    public async Task Totals_are_exact_when_a_server_that_writes_through_is_killed_and_comes_back()
    {
        AssertExact(await RunAsync(Durable, null, async (network, cancellation) =>
        {
            for (int round = 0; round < 3; round++)
            {
                await Task.Delay(400, cancellation);
                network.Server.Process.Kill();
                await network.Server.RestartAsync(cancellation);
            }
        }));
    }

    [Fact]
    public async Task Totals_are_exact_while_scripts_are_flushed()
    {
        AssertExact(await RunAsync([], null, (network, cancellation) => RepeatAsync(20, 25, () => network.Server.AskAsync(["SCRIPT", "FLUSH"], cancellation), cancellation)));
    }

    [Fact]
    public async Task Totals_are_exact_while_connections_are_killed()
    {
        AssertExact(await RunAsync([], null, (network, cancellation) => RepeatAsync(12, 60, () => network.Server.AskAsync(["CLIENT", "KILL", "TYPE", "normal"], cancellation), cancellation)));
    }

    // Claims, acknowledgements and beats go on when memory is full: otherwise leases run out exactly then, and nothing ever frees any.
    [Fact]
    public async Task Totals_are_exact_while_memory_is_full_and_nobody_dies_of_it()
    {
        AssertExact(await RunAsync(["--maxmemory-policy", "noeviction"], null, async (network, cancellation) =>
        {
            for (int round = 0; round < 3; round++)
            {
                await Task.Delay(200, cancellation);
                await network.Server.AskAsync(["CONFIG", "SET", "maxmemory", "1mb"], cancellation);
                await Task.Delay(1500, cancellation);
                await network.Server.AskAsync(["CONFIG", "SET", "maxmemory", "0"], cancellation);
            }
        }));
    }

    [Fact]
    public async Task Totals_are_exact_while_the_server_is_a_replica_for_a_moment()
    {
        AssertExact(await RunAsync([], null, async (network, cancellation) =>
        {
            for (int round = 0; round < 3; round++)
            {
                await Task.Delay(200, cancellation);
                await network.Server.AskAsync(["REPLICAOF", "127.0.0.1", FreePort.Next().ToString(CultureInfo.InvariantCulture)], cancellation);
                await Task.Delay(300, cancellation);
                await network.Server.AskAsync(["REPLICAOF", "NO", "ONE"], cancellation);
            }
        }));
    }

    [Fact]
    public async Task Totals_are_exact_while_somebody_elses_script_has_the_server_to_itself()
    {
        AssertExact(await RunAsync(["--busy-reply-threshold", "50"], null, async (network, cancellation) =>
        {
            for (int round = 0; round < 3; round++)
            {
                await Task.Delay(200, cancellation);
                Task<string> busy = network.Server.AskAsync(["EVAL", "while true do end", "0"], cancellation);
                await Task.Delay(300, cancellation);
                await network.Server.AskAsync(["SCRIPT", "KILL"], cancellation);
                await busy;
            }
        }));
    }

    // A server that is killed while it holds much answers LOADING for a while when it is back.
    [Fact]
    public async Task Totals_are_exact_while_the_server_loads_its_data()
    {
        AssertExact(await RunAsync([.. Durable, "--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024"], null, async (network, cancellation) =>
        {
            await Task.Delay(300, cancellation);
            await network.Server.AskAsync(["BGREWRITEAOF"], cancellation);
            await Task.Delay(300, cancellation);
            network.Server.Process.Kill();
            await network.Server.RestartAsync(cancellation);
        }));
    }

    [Fact]
    public async Task Totals_are_exact_while_the_server_stands_still_for_longer_than_leases()
    {
        AssertExact(await RunAsync([], null, async (network, cancellation) =>
        {
            for (int round = 0; round < 2; round++)
            {
                await Task.Delay(300, cancellation);
                network.Server.Process.Suspend();
                await Task.Delay(2000, cancellation);
                network.Server.Process.Resume();
            }
        }));
    }

    private static async Task RepeatAsync(int rounds, int milliseconds, Func<Task> action, CancellationToken cancellation)
    {
        for (int round = 0; round < rounds; round++)
        {
            await Task.Delay(milliseconds, cancellation);
            await action();
        }
    }

    private static async Task<MergeConservationResult> RunAsync(
        string[] configuration, SeededFaults? faults, Func<RedisNetwork, CancellationToken, Task>? disruption, long merges = 200_000, int keys = 5_000, int capacity = 4_000,
        int engines = 2)
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync(configuration, Cancellation);
        await using RedisNetwork network = new(server, faults, disruption);
        MergeConservationResult result = await new MergeConservation(new MergeConservationPlan
        {
            Merges = merges,
            Keys = keys,
            Capacity = capacity,
            Engines = engines,
            Writers = engines,
            Seed = 20_261_121,
            Network = network,
        }).RunAsync(Cancellation);
        TestContext.Current.TestOutputHelper!.WriteLine(result.ToString());
        return result;
    }

    private static void AssertExact(MergeConservationResult result)
    {
        Assert.True(result.Faults.Count == 0, result.ToString());
        Assert.Empty(result.Losses);
        Assert.True(result.Sessions > 0, result.ToString());
    }
}

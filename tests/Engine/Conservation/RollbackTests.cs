using System.Globalization;
using Sluice.Harness;
using Sluice.Harness.Faults;
using Sluice.Harness.Load;
using Xunit;

namespace Sluice.Tests.Conservation;

/// <summary>
/// A server that comes back without the last of its writes, while completions run all the time. With the right durability window, or with replicas that are waited for, totals are exact; without, they are
/// not, which is what the guarantees say.
/// </summary>
public sealed class RollbackTests
{
    // What is cut off is 0.6 s old when the server is killed; the rest is for its restart, during which batches grow older too.
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(8);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_a_durability_window_totals_are_exact_although_the_server_loses_its_last_writes()
    {
        AssertExact(await LoseSuffixesAsync(Window));
    }

    // The same run must fail without the window: otherwise it shows nothing.
    [Fact]
    public async Task Without_a_durability_window_a_lost_suffix_shows_in_the_totals_or_in_loss_reports()
    {
        MergeConservationResult result = await LoseSuffixesAsync(TimeSpan.Zero);
        Assert.True(result.Drift.Above + result.Drift.Below + result.Losses.Count > 0, result.ToString());
    }

    [Fact]
    public async Task With_a_durability_window_a_failover_to_a_replica_that_was_cut_off_is_exact()
    {
        AssertExact(await FailOverAsync(Window, replicas: 0));
    }

    // As above: what neither the window nor the replicas answer for has to show.
    [Fact]
    public async Task Without_a_durability_window_and_without_waiting_for_replicas_a_failover_shows_in_the_totals_or_in_loss_reports()
    {
        MergeConservationResult result = await FailOverAsync(TimeSpan.Zero, replicas: 0);
        Assert.True(result.Drift.Above + result.Drift.Below + result.Losses.Count > 0, result.ToString());
    }

    [Fact]
    public async Task Without_persistence_a_server_that_comes_back_empty_shows_in_the_totals_or_in_loss_reports()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], Cancellation);
        await using RedisNetwork network = new(server, disruption: async (it, cancellation) =>
        {
            await Task.Delay(1500, cancellation);
            it.Server.Process.Kill();
            await it.Server.RestartAsync(cancellation);
        });
        MergeConservationResult result = await RunAsync(network, TimeSpan.Zero);
        Assert.True(result.Drift.Above + result.Drift.Below + result.Losses.Count > 0, result.ToString());
    }

    [Fact]
    public async Task With_replicas_that_are_waited_for_a_failover_is_exact_without_a_durability_window()
    {
        AssertExact(await FailOverAsync(TimeSpan.Zero, replicas: 1));
    }

    /// <summary>Kills the server and cuts off what it appended to its file in the last moments, as a machine does that loses power between two syncs.</summary>
    private static async Task<MergeConservationResult> LoseSuffixesAsync(TimeSpan window)
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync(["--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0"], Cancellation);
        string file = Directory.GetFiles(Path.Combine(server.Folder, "appendonlydir"), "*.incr.aof").Single();
        await using RedisNetwork network = new(server, disruption: async (it, cancellation) =>
        {
            for (int round = 0; round < 2; round++)
            {
                await Task.Delay(2500, cancellation);
                long kept = new FileInfo(file).Length;
                await Task.Delay(600, cancellation);
                it.Server.Process.Kill();
                Assert.Equal(137, await it.Server.Process.ExitCode.WaitAsync(cancellation));
                await using (FileStream appended = new(file, FileMode.Open))
                {
                    Assert.True(appended.Length > kept, "Nothing was written in the last moments.");
                    appended.SetLength(kept);
                }

                await it.Server.RestartAsync(cancellation);
            }
        });
        return await RunAsync(network, window);
    }

    /// <summary>Cuts a replica off, goes on writing for a moment, kills the primary, and makes the replica the primary of everybody.</summary>
    private static async Task<MergeConservationResult> FailOverAsync(TimeSpan window, int replicas)
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer primary = await PrivateRedisServer.StartAsync(["--repl-diskless-sync-delay", "0"], Cancellation);
        await using PrivateRedisServer replica = await PrivateRedisServer.StartAsync(["--repl-diskless-sync-delay", "0"], Cancellation);
        await using PrivateRedisServer spare = await PrivateRedisServer.StartAsync([], Cancellation);
        await using FaultProxy replication = new(primary.EndPoint);
        await replica.AskAsync(["REPLICAOF", "127.0.0.1", replication.Endpoint.Port.ToString(CultureInfo.InvariantCulture)], Cancellation);
        while (!(await replica.AskAsync(["INFO", "replication"], Cancellation)).Contains("master_link_status:up", StringComparison.Ordinal))
            await Task.Delay(20, Cancellation);
        await using RedisNetwork network = new(
            primary,
            disruption: async (it, cancellation) =>
            {
                await Task.Delay(2500, cancellation);
                replication.RefuseConnections();
                replication.ResetAll();
                await Task.Delay(600, cancellation);
                it.Server.Process.Kill();
                await replica.AskAsync(["REPLICAOF", "NO", "ONE"], cancellation);

                // The new primary needs a replica of its own, or nothing could be acknowledged any more.
                await spare.AskAsync(["REPLICAOF", "127.0.0.1", replica.EndPoint.Port.ToString(CultureInfo.InvariantCulture)], cancellation);
                it.Retarget(replica.EndPoint);
                await Task.Delay(2000, cancellation);
            },
            configure: options =>
            {
                options.WaitReplicas = replicas;
                options.WaitTimeout = TimeSpan.FromMilliseconds(300);
            });
        return await RunAsync(network, window);
    }

    private static async Task<MergeConservationResult> RunAsync(RedisNetwork network, TimeSpan window)
    {
        MergeConservationResult result = await new MergeConservation(new MergeConservationPlan
        {
            Merges = 200_000,
            Keys = 5_000,
            Capacity = 4_000,
            Engines = 2,
            Writers = 2,
            Seed = 20_261_121,
            Network = network,
            DurabilityWindow = window,
        }).RunAsync(Cancellation);
        TestContext.Current.TestOutputHelper!.WriteLine($"{result} losses: {result.Losses.Count}, keys above {result.Drift.Above}, below {result.Drift.Below}");
        return result;
    }

    private static void AssertExact(MergeConservationResult result)
    {
        Assert.True(result.Faults.Count == 0, result.ToString());
        Assert.Empty(result.Losses);
    }
}

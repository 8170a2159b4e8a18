using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Coordination.Redis;
using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Locking;
using Sluice.Resp;
using Xunit;

namespace Sluice.Tests.Coordination.Redis;

/// <summary>A server that would lose, evict or refuse writes is refused at the start, with a text that says what to do.</summary>
public sealed class ServerCheckTests(SharedRedisServer shared)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_as_it_is_installed_will_do()
    {
        await using RedisCoordinator coordinator = await RedisCoordinator.ConnectAsync(new RedisOptions { (await shared.GetAsync()).Url }, cancellation: Cancellation);
        Assert.False(coordinator.IsEphemeral);
    }

    [Theory]
    [InlineData("redis_version:6.0.16\r\nrole:master\r\naof_enabled:1\r\n", "6.0.16")]
    [InlineData("redis_version:7.0.15\r\nrole:slave\r\naof_enabled:1\r\n", "replica")]
    [InlineData("redis_version:7.0.15\r\nrole:master\r\ncluster_enabled:1\r\naof_enabled:1\r\n", "cluster")]
    [InlineData("redis_version:7.0.15\r\nrole:master\r\nmaxmemory:1000000\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:1\r\n", "allkeys-lru")]
    [InlineData("redis_version:7.0.15\r\nrole:master\r\naof_enabled:0\r\n", "append-only")]
    public void A_server_that_can_not_be_relied_on_is_refused(string says, string because)
    {
        RedisOptions options = new() { Persistence = RedisPersistence.Require };
        UnsuitableServerException refusal = Assert.Throws<UnsuitableServerException>(
            () => ServerCheck.Judge(new ServerReport(says), RespEndpoint.Tcp("there", 6379), options, NullLogger.Instance));
        Assert.Contains("there", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(because, refusal.Message, StringComparison.Ordinal);
    }

    // What a managed server says, which forbids CONFIG and knows more fields than this code.
    [Theory]
    [InlineData("# Server\r\nredis_version:6.2.14\r\nrole:master\r\nmaxmemory:100\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nfuture_field:x:y\r\n")]
    [InlineData("redis_version:7.2.4\r\nserver_name:valkey\r\nrole:master\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\naof_enabled:0\r\n")]
    [InlineData("")]
    public void A_server_that_says_nothing_wrong_will_do(string says) =>
        ServerCheck.Judge(new ServerReport(says), RespEndpoint.Tcp("there", 6379), new RedisOptions(), NullLogger.Instance);

    [Fact]
    public async Task A_server_that_is_not_there_fails_the_start_and_the_password_is_not_told()
    {
        string url = string.Create(CultureInfo.InvariantCulture, $"redis://:s3cret@127.0.0.1:{FreePort.Next()}?timeout=300");
        CoordinatorException failure = await Assert.ThrowsAsync<CoordinatorException>(() => SluiceEngine.StartAsync(new EngineOptions { Redis = { url } }, Cancellation));
        Assert.Contains("127.0.0.1", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", failure.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_start_that_waits_ends_when_the_server_is_there()
    {
        await using PrivateRedisServer server = await StartAsync();
        server.Process.Kill();
        Task<SluiceEngine> starting = SluiceEngine.StartAsync(new EngineOptions { Redis = { Start = RedisStart.Wait }, RequestTimeout = TimeSpan.FromSeconds(1) }.With(server.Url + "?timeout=200"), Cancellation);
        await Task.Delay(500, Cancellation);
        Assert.False(starting.IsCompleted);
        await server.RestartAsync(Cancellation);
        await using SluiceEngine engine = await starting;
        Assert.IsType<RedisCoordinator>(engine.Coordinator);
    }

    [Fact]
    public async Task A_start_that_degrades_merges_at_once_and_delivers_when_the_server_is_there()
    {
        await using PrivateRedisServer server = await StartAsync();
        server.Process.Kill();
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions { Redis = { Start = RedisStart.Degrade } }.With(server.Url), Cancellation);
        TaskCompletionSource<Completion<Running.Visit>> completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Aggregator<string, Running.Visit, Running.Visit.Event> visits = engine.Aggregate(Running.Visit.Definition, options => options.OnComplete = (completion, _) =>
        {
            completed.TrySetResult(completion);
            return ValueTask.CompletedTask;
        });
        Assert.True(visits.TryMerge("a", new Running.Visit.Event { Hits = 3 }));
        await server.RestartAsync(Cancellation);
        await visits.ExpireAllAsync(Cancellation);
        Assert.Equal(3, (await completed.Task.WaitAsync(Cancellation)).Value.Hits);
    }

    // The line that people copy: with it, and nothing more, everything works; without a right, the refusal prints it.
    [Fact]
    public async Task A_user_with_the_printed_rights_can_do_everything_and_one_without_is_told_the_line()
    {
        await using PrivateRedisServer server = await StartAsync();
        string[] line = AccessRule.For("sluice", "sluice").Replace(">...", ">secret", StringComparison.Ordinal).Split(' ');
        Assert.Equal("+OK", await server.AskAsync(line, Cancellation));
        Assert.Equal("+OK", await server.AskAsync(["ACL", "SETUSER", "poor", "on", ">secret", "~*", "+ping", "+hello", "+auth", "+client|setname"], Cancellation));
        string port = server.EndPoint.Port.ToString(CultureInfo.InvariantCulture);
        UnsuitableServerException refusal = await Assert.ThrowsAsync<UnsuitableServerException>(
            () => SluiceEngine.StartAsync(new EngineOptions { Redis = { $"redis://poor:secret@127.0.0.1:{port}" } }, Cancellation));
        Assert.Contains("ACL SETUSER", refusal.Message, StringComparison.Ordinal);

        Assert.Equal("+OK", await server.AskAsync(["ACL", "LOG", "RESET"], Cancellation));
        int completions = 0;
        await using SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions { Redis = { $"redis://sluice:secret@127.0.0.1:{port}" }, Partitions = 4 }, Cancellation);
        Aggregator<string, Running.Visit, Running.Visit.Event> visits = engine.Aggregate(Running.Visit.Definition, options => options.OnComplete = (completion, _) =>
        {
            if (Interlocked.Increment(ref completions) == 1)
                completion.Fail("once");
            return ValueTask.CompletedTask;
        });
        for (int i = 0; i < 100; i++)
            await visits.MergeAsync($"k{i}", new Running.Visit.Event { Hits = 1 }, Cancellation);
        Assert.Equal(1, (await visits.PeekAsync("k1", Cancellation))?.Hits ?? 1);
        await visits.ForceExpireAsync("k2", Cancellation);
        ShutdownReport report = await engine.StopAsync(TimeSpan.FromSeconds(30), Cancellation);
        Assert.True(report.IsClean, report.ToString());
        await using RealTimeLockServer locks = new($"redis://sluice:secret@127.0.0.1:{port}", "sluice");
        await UseEverythingAsync(locks);
        Assert.Equal("*0", await server.AskAsync(["ACL", "LOG"], Cancellation));
    }

    // The same for a store of dogpile values, and the leases of their creators.
    [Fact]
    public async Task A_user_with_the_printed_rights_can_have_dogpile_values()
    {
        await using PrivateRedisServer server = await StartAsync();
        string[] line = [.. AccessRule.For("sluice", "sluice").Replace(">...", ">secret", StringComparison.Ordinal).Split(' '), .. AccessRule.ForDogpile("sluice", "dogpile").Split(' ')];
        Assert.Equal("+OK", await server.AskAsync(line, Cancellation));
        Assert.Equal("+OK", await server.AskAsync([.. AccessRule.ForDogpile("sluice", "dogpile").Split(' ').Prepend(">secret").Prepend("on").Prepend("values").Prepend("SETUSER").Prepend("ACL")], Cancellation));
        Assert.Equal("+OK", await server.AskAsync(["ACL", "LOG", "RESET"], Cancellation));
        string port = server.EndPoint.Port.ToString(CultureInfo.InvariantCulture);
        await using RespClient client = await RespClient.ConnectAsync(RespClientOptions.Parse($"redis://values:secret@127.0.0.1:{port}"), Cancellation);
        foreach (bool tracking in (bool[])[true, false])
        {
            await using RedisDogpileStore store = new(client, new RedisDogpileStoreOptions { Tracking = tracking });
            await using SluiceEngine engine = await SluiceEngine.StartAsync(
                new EngineOptions { Redis = { $"redis://sluice:secret@127.0.0.1:{port}" }, Partitions = 4, Dogpile = new DogpileCacheOptions { Store = store } }, Cancellation);
            await using DogpileCache other = new(new DogpileCacheOptions { Store = store, Mutex = engine.CreationMutex });
            DogpileEntryOptions tagged = new() { Tags = ["prices"] };
            Assert.Equal(1, await engine.Dogpile.GetOrCreateAsync("key", _ => ValueTask.FromResult(1), tagged, Cancellation));
            await Eventually.UntilAsync(async () => await other.GetOrCreateAsync("key", _ => ValueTask.FromResult(-1), tagged, Cancellation) == 1, Cancellation);
            await engine.Dogpile.ExpireAsync("key", Cancellation);
            await Eventually.UntilAsync(async () => await other.GetOrCreateAsync("key", _ => ValueTask.FromResult(2), tagged, Cancellation) == 2, Cancellation);
            await engine.Dogpile.InvalidateTagAsync("prices", Invalidation.Hard, Cancellation);
            await Eventually.UntilAsync(async () => await other.GetOrCreateAsync("key", _ => ValueTask.FromResult(3), tagged, Cancellation) == 3, Cancellation);
            await engine.Dogpile.RemoveAsync("key", Cancellation);
            Assert.Equal("$-1", await server.AskAsync(["GET", "sluice:dogpile:v:key"], Cancellation));
        }

        Assert.Equal("*0", await server.AskAsync(["ACL", "LOG"], Cancellation));
    }

    /// <summary>Every request about locks once, and a push.</summary>
    private static async Task UseEverythingAsync(RealTimeLockServer locks)
    {
        await using LockPartitionUnderTest partition = new(locks, new LockNamespace(locks.Prefix, 4));
        SessionUnderTest a = await partition.OpenAsync(), brief = await partition.OpenAsync(locks.Short);
        HandleUnderTest held = await a.AcquireAsync(LockMode.Upgradeable, "x", maxHold: LockPartitionUnderTest.Long), waiting = await a.LockAsync("x");
        await brief.LockAsync("y");
        Assert.Equal(AcquireStatus.Granted, (await held.ConvertAsync(1, LockMode.Exclusive)).Status);
        Assert.Equal(1, (await partition.ParticipantsAsync("x")).Waiting);
        Assert.Single((await partition.SurveyAsync()).Records);
        Assert.Equal(1, await partition.RevokeAsync("x"));
        Assert.Equal(0, await partition.ForgetAsync("x"));
        await held.ReleaseAsync(doubtful: true);
        await waiting.GrantedAsync();
        await locks.ElapseAsync(locks.Short);
        Assert.True((await a.RenewAsync(waiting.Number)).IsAlive);
        Assert.True((await a.CloseAsync()).WasAlive);
        Assert.Empty(await partition.LeftoversAsync());
    }

    private static async Task<PrivateRedisServer> StartAsync()
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        return await PrivateRedisServer.StartAsync([], Cancellation);
    }
}

/// <summary>An address that only the test knows, added to options that were written before.</summary>
internal static class RedisOptionsExtensions
{
    public static EngineOptions With(this EngineOptions options, string url)
    {
        options.Redis.Add(url);
        return options;
    }
}

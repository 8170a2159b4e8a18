using System.Globalization;
using Sluice.Harness;
using Xunit;

namespace Sluice.Tests.Dogpiling;

/// <summary>A thousand callers of one key in three processes that share a real server, and creators that are killed or paused in the middle.</summary>
public sealed class CreatorProcessTests(SharedRedisServer shared) : IAsyncLifetime
{
    private const int Callers = 1_000;
    private static readonly TimeSpan Never = TimeSpan.FromDays(1);

    private readonly string _prefix = SharedRedisServer.NewPrefix();
    private readonly List<ProcessHost> _processes = [];
    private PrivateRedisServer _server = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await shared.GetAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (ProcessHost process in _processes)
            await process.DisposeAsync();
    }

    // Prevents: a stampede on what creates values, one process after the other; and a value that is created anew although a young one is in the store.
    [Fact]
    public async Task A_thousand_callers_in_three_processes_make_one_creation_per_expiry()
    {
        TimeSpan expiry = TimeSpan.FromSeconds(1);
        ProcessHost[] processes = await StartAsync(heartbeat: TimeSpan.FromSeconds(5), expiry);
        for (int i = 0; i < processes.Length; i++)
            await TellAsync(processes[i], $"keep-calling {Share(i)}");
        List<Creation> creations = [];
        Task[] readers = [.. processes.Select(ReadAsync)];
        await Eventually.UntilAsync(() => Count() >= 6, Cancellation);
        foreach (ProcessHost process in processes)
            await TellAsync(process, "stop");
        await Task.WhenAll(readers);

        // Tokens are their order. The ages that caches go by are exact to 10 ms, on both sides.
        creations.Sort(static (one, other) => one.Token.CompareTo(other.Token));
        foreach ((Creation earlier, Creation later) in creations.Zip(creations.Skip(1)))
        {
            TimeSpan between = TimeSpan.FromTicks(later.From - earlier.To);
            Assert.True(between > expiry - TimeSpan.FromMilliseconds(30), $"Created again after {between}.");
        }

        int Count()
        {
            lock (creations)
                return creations.Count;
        }

        async Task ReadAsync(ProcessHost process)
        {
            while (await process.ReadLineAsync(Cancellation) is { } line)
            {
                string[] words = line.Split(' ');
                if (words[0] == "answered")
                {
                    Assert.Contains("; 0 errors", line, StringComparison.Ordinal);
                    return;
                }

                lock (creations)
                    creations.Add(new Creation(Number(words[1]), Number(words[2]), Number(words[3])));
            }

            Assert.Fail($"It ended early: {process.Transcript}");
        }
    }

    // Prevents: callers that wait for a process that is gone, or hear of its death.
    [Fact]
    public async Task When_a_creator_is_killed_the_next_one_takes_over_within_two_heartbeats()
    {
        TimeSpan heartbeat = TimeSpan.FromSeconds(5);
        ProcessHost[] processes = await StartAsync(heartbeat, Never);
        await TellAsync(processes[0], $"call {Share(0)}");
        long dead = await CreatingAsync(processes[0]);
        await TellAsync(processes[1], $"call {Share(1)}");
        await TellAsync(processes[2], $"call {Share(2)}");
        await using SluiceEngine observer = await SluiceEngine.StartAsync(new EngineOptions { Redis = { _server.Url }, Prefix = _prefix, Partitions = 4 }, Cancellation);
        IMutex mutex = observer.Locks.Mutex("creation:dogpile:v:key");
        await Eventually.UntilAsync(async () => (await mutex.GetParticipantsAsync(Cancellation)).Waiting == 2, Cancellation);

        processes[0].Kill();
        await processes[0].ExitCode.WaitAsync(Cancellation);
        DateTimeOffset killed = DateTimeOffset.UtcNow;
        Task<string?>[] next = [processes[1].ReadLineAsync(Cancellation).AsTask(), processes[2].ReadLineAsync(Cancellation).AsTask()];
        int successor = Array.IndexOf(next, await Task.WhenAny(next));
        string[] creating = (await next[successor])!.Split(' ');
        Assert.Equal("creating", creating[0]);
        long token = Number(creating[1]);

        // A token is the server's microseconds at the grant.
        TimeSpan after = DateTimeOffset.UnixEpoch.AddMicroseconds(token) - killed;
        Assert.True(token > dead);
        Assert.True(after <= heartbeat * 2, $"Taken over after {after}.");
        await TellAsync(processes[1 + successor], "create b");
        Assert.Equal($"answered bx{Share(1 + successor)}; 0 errors ", await AnsweredAsync(processes[1 + successor]));

        // The first that the other one says since: it was granted the lock too, looked, and created nothing.
        Assert.Equal($"answered bx{Share(2 - successor)}; 0 errors ", await next[1 - successor]);
        TestContext.Current.TestOutputHelper?.WriteLine($"Taken over {after} after the creator's end.");
    }

    // Prevents: a machine that was suspended in the middle of a creation, and writes its old value over the new one when it wakes up.
    [Fact]
    public async Task When_a_creator_was_paused_beyond_its_lease_its_late_write_is_refused()
    {
        ProcessHost[] processes = await StartAsync(heartbeat: TimeSpan.FromMilliseconds(500), Never);
        await TellAsync(processes[0], $"call {Share(0)}");
        long paused = await CreatingAsync(processes[0]);
        processes[0].Suspend();
        await TellAsync(processes[1], $"call {Share(1)}");
        Assert.True(await CreatingAsync(processes[1]) > paused);
        await TellAsync(processes[1], "create b");
        Assert.Equal($"answered bx{Share(1)}; 0 errors ", await AnsweredAsync(processes[1]));

        processes[0].Resume();
        await processes[0].ReadLineWithAsync("cancelled", Cancellation);
        await TellAsync(processes[0], "write a");
        Assert.Equal("refused", await processes[0].ReadLineAsync(Cancellation));

        // The cache's own write is refused as that of its creator was; nobody who waited for it hears of that.
        await TellAsync(processes[0], "create a");
        Assert.Equal($"answered bx{Share(0)}; 0 errors ", await AnsweredAsync(processes[0]));
        await TellAsync(processes[2], $"call {Share(2)}");
        Assert.Equal($"answered bx{Share(2)}; 0 errors ", await AnsweredAsync(processes[2]));
    }

    private static int Share(int process) => (Callers / 3) + (process == 0 ? 1 : 0);

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static async Task TellAsync(ProcessHost process, string command)
    {
        await process.StandardInput.WriteLineAsync(command.AsMemory(), Cancellation);
        await process.StandardInput.FlushAsync(Cancellation);
    }

    /// <summary>The token of the creation that begins next.</summary>
    private static async Task<long> CreatingAsync(ProcessHost process) => Number((await process.ReadLineWithAsync("creating ", Cancellation)).Split(' ')[1]);

    private static Task<string> AnsweredAsync(ProcessHost process) => process.ReadLineWithAsync("answered ", Cancellation);

    private async Task<ProcessHost[]> StartAsync(TimeSpan heartbeat, TimeSpan expiry)
    {
        for (int i = 0; i < 3; i++)
        {
            _processes.Add(ProcessHost.StartDotnet(
                Path.Combine(AppContext.BaseDirectory, "Sluice.Creators.dll"),
                [_server.Url, _prefix, heartbeat.TotalMilliseconds.ToString(CultureInfo.InvariantCulture), expiry.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)]));
        }

        foreach (ProcessHost process in _processes)
            await process.ReadLineWithAsync("ready", Cancellation);
        return [.. _processes];
    }

    private sealed record Creation(long Token, long From, long To);
}

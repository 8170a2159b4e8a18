namespace Sluice.Samples.UpdateCache;

/// <summary>
/// One of the processes that receive updates: a bounded cache of users, whose sessions end when they are idle, too old, or evicted by newer ones. The
/// last process that lets go of a user writes what all of them have collected.
/// </summary>
public sealed class UpdateProcess : IAsyncDisposable
{
    private readonly SluiceEngine _engine;

    private UpdateProcess(SluiceEngine engine, Aggregator<string, UserUpdate, UserUpdate.Event> users)
    {
        _engine = engine;
        Users = users;
    }

    public Aggregator<string, UserUpdate, UserUpdate.Event> Users { get; }

    /// <summary>How a process keeps its users.</summary>
    /// <param name="coordinator">What the processes share. Here they are engines of one process; with a server they would be anywhere.</param>
    /// <param name="capacity">How many users the cache holds.</param>
    public static EngineOptions Options(Coordinator coordinator, int capacity) => new()
    {
        Coordinator = coordinator,
        Partitions = 8,
        Capacity = capacity,
        SoftSession = TimeSpan.FromSeconds(30), // no update for so long: the user is gone
        HardSession = TimeSpan.FromMinutes(10), // not even the busiest user waits longer for the database
    };

    public static async Task<UpdateProcess> StartAsync(EngineOptions options, UserDatabase database)
    {
        SluiceEngine engine = await SluiceEngine.StartAsync(options);
        return new UpdateProcess(engine, engine.Aggregate(UserUpdate.Definition, aggregate =>
        {
            aggregate.CompletionBackoff = TimeSpan.FromMilliseconds(20);
            aggregate.OnComplete = (session, _) =>
            {
                database.Write(session); // throws while the database is away: the session is kept, and delivered again
                return ValueTask.CompletedTask;
            };
        }));
    }

    /// <summary>Takes one update: a new user gets a session, a known one's is merged with it. Waits when the coordinator does not keep up.</summary>
    public ValueTask SetAsync(string userId, string page, bool isClick, DateTimeOffset at, CancellationToken cancellation = default) => Users.MergeAsync(
        userId,
        new UserUpdate.Event { Views = 1, Clicks = isClick ? 1 : 0, LastSeen = at, LastPages = new Stamped<string>(page, at) },
        cancellation);

    /// <summary>Takes a value that the user has set.</summary>
    public ValueTask ChangeAsync(string userId, string name, string value, DateTimeOffset at, CancellationToken cancellation = default) =>
        Users.MergeAsync(userId, new UserUpdate.Event { Settings = Settings.Set(name, value, at) }, cancellation);

    /// <summary>Ends all sessions, hands everything over, and completes what this process is the last to hold.</summary>
    public ValueTask<ShutdownReport> StopAsync() => _engine.StopAsync(TimeSpan.FromSeconds(20));

    public ValueTask DisposeAsync() => _engine.DisposeAsync();
}

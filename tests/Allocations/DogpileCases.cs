namespace Sluice.Allocations;

/// <summary>A value that is there and young enough, asked for without a closure and with a factory that captures nothing.</summary>
internal sealed class DogpileHitCase : AllocationCase
{
    private static readonly DogpileEntryOptions Options = new() { Expiry = TimeSpan.FromHours(1) };

    private readonly string[] _keys = [.. Enumerable.Range(0, 1024).Select(i => $"page:{i}")];
    private readonly DogpileCache _cache = new();
    private long _sum;

    public override string Name => "dogpile cache, hit";

    public override void Run(int operations)
    {
        long sum = 0;
        for (int i = 0; i < operations; i++)
        {
            string key = _keys[i & (_keys.Length - 1)];
            sum += Completed.Of(i % 2 == 0
                ? _cache.GetOrCreateAsync(key, static _ => ValueTask.FromResult(new Page(1)), Options)
                : _cache.GetOrCreateAsync(key, i, static (length, _, _) => ValueTask.FromResult(new Page(length)), Options)).Length;
        }

        Volatile.Write(ref _sum, sum);
    }

    public override void Dispose()
    {
        _cache.DisposeAsync().AsTask().GetAwaiter().GetResult();
        base.Dispose();
    }

    private sealed record Page(int Length);
}

/// <summary>One resource whose value is there and young enough.</summary>
internal sealed class DogpileAcquireCase : AllocationCase
{
    private readonly Dogpile<string> _dogpile = new(new DogpileOptions { Expiry = TimeSpan.FromHours(1) });
    private long _sum;

    public override string Name => "dogpile, current value";

    public override void Run(int operations)
    {
        long sum = 0;
        for (int i = 0; i < operations; i++)
        {
            using DogpileScope<string> scope = Completed.Of(_dogpile.AcquireAsync(static () => "value"));
            sum += scope.Value.Length;
        }

        Volatile.Write(ref _sum, sum);
    }
}

/// <summary>Takes the result of what must have completed at once.</summary>
internal static class Completed
{
    public static T Of<T>(ValueTask<T> task) => task.IsCompletedSuccessfully ? task.Result : throw new InvalidOperationException("A value that is there was waited for.");
}

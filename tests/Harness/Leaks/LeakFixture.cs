using System.Collections.Concurrent;
using System.Diagnostics;

namespace Sluice.Harness;

/// <summary>
/// Fails a test assembly that leaves something behind: an exception in a task that nobody observed, an open socket, a running child process, a
/// temporary folder, threads, timers, file descriptors. Once per assembly, because tests that run in parallel see each other's.
/// </summary>
/// <remarks>Every test project that references the harness has it as its assembly fixture (<c>tests/Directory.Build.targets</c>).</remarks>
public sealed class LeakFixture : IAsyncDisposable
{
    // Sockets, processes and pool work end on other threads, some time after the test let go of them.
    private static readonly TimeSpan SettlingTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(50);

    private readonly LeakSnapshot _before = LeakSnapshot.Take();
    private readonly ConcurrentQueue<Exception> _unobserved = new();

    /// <summary>Begins to watch.</summary>
    public LeakFixture() => TaskScheduler.UnobservedTaskException += Record;

    /// <summary>Ends the watch.</summary>
    /// <exception cref="LeakException">Something leaked; the message lists it.</exception>
    public async ValueTask DisposeAsync()
    {
        IReadOnlyList<string> leaks = await FindLeaksAsync();
        TaskScheduler.UnobservedTaskException -= Record;
        if (leaks.Count > 0)
            throw new LeakException($"The tests of this assembly leaked:\n  {string.Join("\n  ", leaks)}");
    }

    private static void CollectGarbage()
    {
        // Only the finaliser of a faulted task reports that nobody observed it. Twice: the first pass runs finalisers that release the next objects.
        for (int pass = 0; pass < 2; pass++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private async Task<IReadOnlyList<string>> FindLeaksAsync()
    {
        long began = Stopwatch.GetTimestamp();
        while (true)
        {
            CollectGarbage();
            IReadOnlyList<string> held = LeakSnapshot.Take().LeakedSince(_before);
            if (held.Count == 0 || Stopwatch.GetElapsedTime(began) > SettlingTime)
                return [.. held, .. _unobserved.Select(e => $"task exception that nobody observed: {e}")];
            await Task.Delay(LookAgainAfter);
        }
    }

    private void Record(object? sender, UnobservedTaskExceptionEventArgs unobserved) => _unobserved.Enqueue(unobserved.Exception);
}

/// <summary>Something outlived the tests.</summary>
public sealed class LeakException : Exception
{
    /// <summary>Use the constructor with a message.</summary>
    public LeakException()
    {
    }

    /// <summary>Says what leaked.</summary>
    public LeakException(string message)
        : base(message)
    {
    }

    /// <summary>Says what leaked.</summary>
    public LeakException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

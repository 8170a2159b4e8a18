using System.Diagnostics;

namespace Sluice.Harness;

/// <summary>Waits, in real time, for what no event announces. Only a failure takes long.</summary>
public static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Returns when it is so.</summary>
    /// <exception cref="TimeoutException">It has not become so.</exception>
    public static Task UntilAsync(Func<bool> isSo, CancellationToken cancellation) => UntilAsync(() => Task.FromResult(isSo()), cancellation);

    /// <inheritdoc cref="UntilAsync(Func{bool}, CancellationToken)"/>
    public static async Task UntilAsync(Func<Task<bool>> isSo, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(isSo);
        for (long began = Stopwatch.GetTimestamp(); !await isSo().ConfigureAwait(false); await Task.Delay(TimeSpan.FromMilliseconds(1), cancellation).ConfigureAwait(false))
        {
            if (Stopwatch.GetElapsedTime(began) > Patience)
                throw new TimeoutException($"It has not come about within {Patience}.");
        }
    }
}

using Sluice.Coordination;

namespace Sluice.Locking;

/// <summary>Until when somebody waits, on the lease clock.</summary>
internal readonly record struct LockDeadline(LeaseClock Clock, long Until)
{
    public bool IsOver => Until != Durations.Never && Clock.Now >= Until;

    /// <summary>Whether it was over from the beginning: who asks once and does not wait.</summary>
    public bool Waits { get; private init; } = Until == Durations.Never;

    /// <summary>For timers: infinite, or at least 0.</summary>
    public TimeSpan Remaining => Until == Durations.Never ? Timeout.InfiniteTimeSpan : TimeSpan.FromMicroseconds(Math.Max(0, Until - Clock.Now));

    /// <summary>How long an answer is waited for: who does not wait for a lock still waits for the answer.</summary>
    public TimeSpan PatienceFor(LockTerms terms)
    {
        if (Until == Durations.Never || !Waits)
            return terms.RequestTimeout;
        TimeSpan remaining = Remaining;
        return remaining < terms.Grace ? terms.Grace : remaining < terms.RequestTimeout ? remaining : terms.RequestTimeout;
    }

    /// <summary>Enters, if that is possible before it is over.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async ValueTask<bool> TryEnterAsync(SemaphoreSlim gate, CancellationToken cancellation)
    {
        if (gate.Wait(0, CancellationToken.None))
            return true;
        if (!Waits)
            return false;
        using CancellationTokenSource timeout = new(Remaining, Clock.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            await gate.WaitAsync(either.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <exception cref="ArgumentOutOfRangeException">The time-out is negative, or longer than 30 days.</exception>
    public static LockDeadline After(LeaseClock clock, TimeSpan timeout)
    {
        if (timeout == Timeout.InfiniteTimeSpan)
            return new LockDeadline(clock, Durations.Never);
        if (timeout < TimeSpan.Zero || timeout > TimeSpan.FromDays(30))
            throw new ArgumentOutOfRangeException(nameof(timeout), timeout, "The time-out must be 0 to 30 days, or Timeout.InfiniteTimeSpan.");
        return new LockDeadline(clock, clock.Now + (timeout.Ticks / TimeSpan.TicksPerMicrosecond)) { Waits = timeout > TimeSpan.Zero };
    }
}

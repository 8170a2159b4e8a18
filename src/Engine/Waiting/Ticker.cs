namespace Sluice.Waiting;

/// <summary>Wakes one loop at an interval. Ticks that it was too busy for are one; the first comes after the interval.</summary>
internal sealed class Ticker : IDisposable
{
    private readonly WakeSignal _tick;
    private readonly ITimer _timer;

    public Ticker(TimeSpan interval, TimeProvider time, WorkCount? work)
    {
        _tick = new WakeSignal(work);
        _timer = _tick.Alarm(time, interval, interval);
    }

    /// <summary>Waits for the next tick. Always true: it ends by cancellation.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellation)
    {
        await _tick.WaitAsync(cancellation).ConfigureAwait(false);
        return true;
    }

    public void Dispose()
    {
        _timer.Dispose();
        _tick.Dispose();
    }
}

namespace Sluice.Waiting;

/// <summary>
/// Counts what engines have begun and not finished, so that whoever moves their clock can wait until they have nothing left to do at this moment. Only engines whose time is
/// driven by hand have one: everywhere else it is null, and costs a comparison.
/// </summary>
/// <remarks>
/// The rule that leaves no gap: work is counted before it is handed over, by the one who hands it over, and no longer counted when whoever took it waits again. So a loop owns one
/// unit whenever it does not wait; an item in a channel, a signal that is set and a timer that has fired own one each until the loop has taken them over. At no moment between
/// cause and effect is the count 0. Any thread.
/// </remarks>
internal sealed class WorkCount
{
    private readonly Lock _gate = new();
    private TaskCompletionSource? _rest;
    private readonly List<(Action Sweep, Func<ValueTask> KeepAsync)> _members = [];
    private long _units;

    /// <summary>Completes at a moment at which nothing was under way.</summary>
    public Task WhenAtRest
    {
        get
        {
            lock (_gate)
            {
                if (_units == 0)
                    return Task.CompletedTask;
                _rest ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                return _rest.Task;
            }
        }
    }

    /// <summary>An engine is counted here from now on.</summary>
    /// <param name="sweep">Ends the sessions that are past their deadline, whenever its loop would look next.</param>
    /// <param name="keepAsync">Returns when the threads that keep its locks, which are not counted here, have done what is due.</param>
    public void Join(Action sweep, Func<ValueTask> keepAsync)
    {
        lock (_gate)
            _members.Add((sweep, keepAsync));
    }

    /// <summary>Ends the sessions of all engines that are past their deadline; <see cref="WhenAtRest"/> tells when they are completed.</summary>
    public void Sweep()
    {
        foreach ((Action sweep, _) in Members())
            sweep();
    }

    /// <summary>Returns when the keepers of all engines' locks have done what is due.</summary>
    public async ValueTask KeepAsync()
    {
        foreach ((_, Func<ValueTask> keepAsync) in Members())
            await keepAsync().ConfigureAwait(false);
    }

    /// <summary>Something is about to be done.</summary>
    public void Begin()
    {
        lock (_gate)
            _units++;
    }

    /// <summary>It has been done, or waits for the clock.</summary>
    public void End()
    {
        TaskCompletionSource? rest = null;
        lock (_gate)
        {
            if (--_units == 0)
                (rest, _rest) = (_rest, null);
        }

        rest?.SetResult();
    }

    /// <summary>Runs a loop, or a piece of work, which is counted from now until its end.</summary>
    public static Task Run(WorkCount? count, Func<Task> work) => count is null ? Task.Run(work) : count.RunAsync(async () =>
    {
        await work().ConfigureAwait(false);
        return true;
    });

    /// <inheritdoc cref="Run(WorkCount?, Func{Task})"/>
    public static Task<T> Run<T>(WorkCount? count, Func<Task<T>> work) => count is null ? Task.Run(work) : count.RunAsync(work);

    /// <summary>Lets time pass on somebody else's clock. Who calls it owns a unit, and does again when it returns or throws.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Task DelayAsync(WorkCount? count, TimeSpan span, TimeProvider time, CancellationToken cancellation) =>
        count is null ? Task.Delay(span, time, cancellation) : DelayCountedAsync(count, span, time, cancellation);

    private static async Task DelayCountedAsync(WorkCount count, TimeSpan span, TimeProvider time, CancellationToken cancellation)
    {
        using WakeSignal over = new(count);
        using ITimer alarm = over.Alarm(time, span);
        await over.WaitAsync(cancellation).ConfigureAwait(false);
    }

    private (Action Sweep, Func<ValueTask> KeepAsync)[] Members()
    {
        lock (_gate)
            return [.. _members];
    }

    private Task<T> RunAsync<T>(Func<Task<T>> work)
    {
        Begin();
        return Task.Run(async () =>
        {
            try
            {
                return await work().ConfigureAwait(false);
            }
            finally
            {
                End();
            }
        });
    }
}

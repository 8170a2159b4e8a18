using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;

namespace Sluice.Resp.Connection;

/// <summary>
/// The awaiting side of a slot: who goes on, and where, when the command has its result.
/// </summary>
/// <remarks>
/// <para>Not the framework's <c>ManualResetValueTaskSourceCore</c>: that one gives a continuation that is registered just after the end to the thread pool, and a caller that
/// blocks a thread of its own would wait for a starved pool. Here it goes back to the dispatcher, which gets a thread in any case.</para>
/// <code>
/// _continuation:   null --OnCompleted--> continuation --Complete--> Ended (and the continuation runs)
///                  null --Complete--> Ended --OnCompleted (late)--> continuation, posted --Complete--> Ended (and the continuation runs)
/// </code>
/// <para>The exchange in <see cref="Complete"/> is the last thing that the dispatcher does to the slot, and only after it the status says so: whoever polls cannot end the
/// use, and begin the next, behind the dispatcher's back.</para>
/// <para>A mutable value inside the slot: one awaiter and one dispatcher.</para>
/// </remarks>
internal struct SlotCompletion(ReplySlot slot)
{
    private static readonly Action<object?> Ended = static _ => throw new UnreachableException();

    private Action<object?>? _continuation;
    private object? _state;
    private object? _scheduling;
    private ExecutionContext? _execution;
    private Exception? _failure;
    private short _version;

    /// <summary>The token of this use.</summary>
    public readonly short Version => _version;

    public ValueTaskSourceStatus GetStatus(short token)
    {
        ThrowIfStale(token);
        return !ReferenceEquals(Volatile.Read(ref _continuation), Ended) ? ValueTaskSourceStatus.Pending
            : _failure is null ? ValueTaskSourceStatus.Succeeded
            : _failure is OperationCanceledException ? ValueTaskSourceStatus.Canceled
            : ValueTaskSourceStatus.Faulted;
    }

    /// <summary>Throws the failure, if it ended with one. Only after the status said that it ended.</summary>
    public readonly void GetResult(short token)
    {
        ThrowIfStale(token);
        if (_failure is not null)
            ExceptionDispatchInfo.Throw(_failure);
    }

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        ThrowIfStale(token);
        if (Volatile.Read(ref _continuation) is { } registered && !ReferenceEquals(registered, Ended))
            throw new InvalidOperationException("The task is awaited already: a ValueTask is awaited once.");
        _state = state;
        if (flags.HasFlag(ValueTaskSourceOnCompletedFlags.FlowExecutionContext))
            _execution = ExecutionContext.Capture();
        if (flags.HasFlag(ValueTaskSourceOnCompletedFlags.UseSchedulingContext))
            _scheduling = Scheduling();
        if (Interlocked.CompareExchange(ref _continuation, continuation, null) is null)
            return;

        // It ended between the awaiter's question and now; running it here would nest one await into the next.
        Volatile.Write(ref _continuation, continuation);
        slot.PostLateContinuation();
    }

    /// <summary>It has ended. Runs the continuation on this thread, unless the awaiter asked for another place.</summary>
    public void Complete(Exception? failure)
    {
        _failure = failure;
        if (Interlocked.Exchange(ref _continuation, Ended) is not { } continuation)
            return;

        // The continuation ends the use: everything of it is read before.
        object? state = _state;
        ExecutionContext? execution = _execution;
        object? scheduling = _scheduling;
        if (scheduling is null && execution is null)
            continuation(state);
        else
            RunElsewhere(continuation, state, execution, scheduling);
    }

    /// <summary>The use has ended; its token is refused from here on.</summary>
    public void Reset()
    {
        _version++;
        _state = null;
        _scheduling = null;
        _execution = null;
        _failure = null;
        Volatile.Write(ref _continuation, null);
    }

    // Apart from the way that nearly everybody takes, which must not pay for what this one allocates.
    private static void RunElsewhere(Action<object?> continuation, object? state, ExecutionContext? execution, object? scheduling)
    {
        switch (scheduling)
        {
            case SynchronizationContext context:
                context.Post(_ => Run(), null);
                break;
            case TaskScheduler scheduler:
                _ = Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler);
                break;
            default:
                Run();
                break;
        }

        void Run()
        {
            if (execution is null)
                continuation(state);
            else
                ExecutionContext.Run(execution, _ => continuation(state), null);
        }
    }

    private static object? Scheduling() =>
        SynchronizationContext.Current is { } context && context.GetType() != typeof(SynchronizationContext) ? context
        : TaskScheduler.Current != TaskScheduler.Default ? TaskScheduler.Current
        : null;

    private readonly void ThrowIfStale(short token)
    {
        if (token != _version)
            throw new InvalidOperationException("The task was awaited already: a ValueTask is awaited once.");
    }
}

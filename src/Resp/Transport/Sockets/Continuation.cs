using System.Threading.Tasks.Sources;

namespace Sluice.Resp.Transport;

/// <summary>What an awaiter wants to be called back with, and where.</summary>
internal readonly struct Continuation
{
    private readonly Action<object?>? _action;
    private readonly object? _state;
    private readonly object? _scheduling;
    private readonly ExecutionContext? _execution;

    public Continuation(Action<object?> action, object? state, ValueTaskSourceOnCompletedFlags flags)
    {
        _action = action;
        _state = state;
        if (flags.HasFlag(ValueTaskSourceOnCompletedFlags.FlowExecutionContext))
            _execution = ExecutionContext.Capture();
        if (!flags.HasFlag(ValueTaskSourceOnCompletedFlags.UseSchedulingContext))
            return;
        if (SynchronizationContext.Current is { } context && context.GetType() != typeof(SynchronizationContext))
            _scheduling = context;
        else if (TaskScheduler.Current != TaskScheduler.Default)
            _scheduling = TaskScheduler.Current;
    }

    public bool IsEmpty => _action is null;

    /// <summary>Calls it on this thread, unless the awaiter asked for a scheduler or synchronisation context.</summary>
    public void Run()
    {
        switch (_scheduling)
        {
            case SynchronizationContext context:
                context.Post(static boxed => ((Continuation)boxed!).Invoke(), this);
                break;
            case TaskScheduler scheduler:
                _ = Task.Factory.StartNew(static boxed => ((Continuation)boxed!).Invoke(), this, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler);
                break;
            default:
                Invoke();
                break;
        }
    }

    private void Invoke()
    {
        if (_execution is null)
            _action!(_state);
        else
            ExecutionContext.Run(_execution, static boxed => ((Continuation)boxed!).Call(), this);
    }

    private void Call() => _action!(_state);
}

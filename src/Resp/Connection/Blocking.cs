namespace Sluice.Resp.Connection;

/// <summary>Waits on a thread that is the link's own, where there is nothing better to do.</summary>
internal static class Blocking
{
    public static T Await<T>(ValueTask<T> task) => task.IsCompleted ? task.GetAwaiter().GetResult() : task.AsTask().GetAwaiter().GetResult();

    public static void Await(ValueTask task)
    {
        if (task.IsCompleted)
            task.GetAwaiter().GetResult();
        else
            task.AsTask().GetAwaiter().GetResult();
    }
}

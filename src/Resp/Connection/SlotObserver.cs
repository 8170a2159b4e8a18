namespace Sluice.Resp.Connection;

/// <summary>Somebody who wants to know that a command has ended, before its caller does: a measurement, or the owner of a connection that it had for itself.</summary>
internal abstract class SlotObserver
{
    /// <summary>The command has its result (null) or its failure. Where continuations run: short, no waiting. May not throw.</summary>
    public abstract void OnEnded(Exception? failure);
}

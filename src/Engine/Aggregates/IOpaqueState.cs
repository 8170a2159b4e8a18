using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Sluice;

/// <summary>
/// A state that only the application can merge: the type of an <see cref="OpaqueAttribute">[Opaque]</see> property. A monoid: <see cref="Merge"/> is
/// associative, and <see cref="Empty"/> changes nothing on either side. <see cref="OpaqueStateLaws"/> checks that in the application's tests.
/// </summary>
/// <typeparam name="TSelf">The state itself, a class or a struct.</typeparam>
/// <remarks>
/// <para>The engine keeps bytes and nothing else: each call of <see cref="Merge"/> gets states that were read for it alone, so it may change and return
/// either of them, and what the application does with an instance after it was contributed changes nothing. The code runs on several threads at once,
/// on the thread that merges an event and on those that complete sessions, never inside a lock or a claim of the engine's, and never on the way of a
/// flush. It should take microseconds, and must not wait.</para>
/// <para>What it throws reaches the caller as an <see cref="OpaqueStateException"/>; on the way to a completion it fails that session, which is tried
/// again and becomes a dead letter after the configured attempts.</para>
/// </remarks>
[SuppressMessage("Design", "CA1000:Do not declare static members on generic types", Justification = "Static abstract members are what makes the merge a direct call.")]
public interface IOpaqueState<TSelf>
    where TSelf : IOpaqueState<TSelf>
{
    /// <summary>The state that nothing was contributed to: the identity of <see cref="Merge"/>.</summary>
    static abstract TSelf Empty { get; }

    /// <summary>Whether the order of the contributions matters. <see cref="MergeOrder.Any"/> unless the type says otherwise.</summary>
    static virtual MergeOrder Order => MergeOrder.Any;

    /// <summary>Two states as one. Both belong to the call.</summary>
    /// <param name="earlier">What was contributed before, see <see cref="MergeOrder"/>.</param>
    /// <param name="later">What was contributed after it.</param>
    static abstract TSelf Merge(TSelf earlier, TSelf later);

    /// <summary>Writes the state, at most <see cref="OpaqueAttribute.MaxBytes"/> bytes. No byte at all is a form like any other.</summary>
    /// <param name="state">The state.</param>
    /// <param name="output">Gets the bytes; it must not be kept.</param>
    static abstract void Write(TSelf state, IBufferWriter<byte> output);

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="bytes">The bytes; they must not be kept.</param>
    static abstract TSelf Read(ReadOnlySpan<byte> bytes);
}

/// <summary>Which orders of contributions a state's merge can tell apart.</summary>
public enum MergeOrder
{
    /// <summary>None: the merge is commutative. Totals are the same whatever engine, network and retries do.</summary>
    Any = 0,

    /// <summary>
    /// The merge sees contributions in the order in which their flushes reached the coordinator. Those of one engine to one resource keep their order;
    /// how those of several engines are mixed is up to the moment, and a server that lost writes may be given them in another order than before.
    /// </summary>
    Arrival = 1,
}

using Sluice.Aggregates.Distinct;

namespace Sluice.Aggregates.Wire;

/// <summary>Merges registers: each becomes the higher of the two. The kind of the values does not matter any more, only their hashes did.</summary>
internal sealed class DistinctMerger : IFieldMerger
{
    private DistinctMerger()
    {
    }

    public static DistinctMerger Instance { get; } = new();

    public bool Accepts(int parameter) => parameter == HyperLogLog.Precision;

    public bool IsCanonical(ReadOnlySpan<byte> payload, int parameter) => DistinctPayload.IsCanonical(payload);

    public bool TryMerge(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int parameter, Span<byte> destination, out int written)
    {
        if (DistinctPayload.IsDense(left))
            written = MergeIntoDense(left, right, destination);
        else if (DistinctPayload.IsDense(right))
            written = MergeIntoDense(right, left, destination);
        else
            written = MergeSparse(left, right, destination);
        return true;
    }

    private static int MergeIntoDense(ReadOnlySpan<byte> dense, ReadOnlySpan<byte> other, Span<byte> destination)
    {
        dense.CopyTo(destination);
        if (DistinctPayload.IsDense(other))
        {
            for (int register = 0; register < HyperLogLog.Registers; register += DistinctPayload.Lanes)
            {
                ulong max = DistinctPayload.MaxOfEight(DistinctPayload.ReadEight(dense, register), DistinctPayload.ReadEight(other, register));
                DistinctPayload.WriteEight(destination, register, max);
            }
        }
        else
        {
            RaiseAll(destination, other);
        }

        return DistinctPayload.DenseBytes;
    }

    private static int MergeSparse(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> destination)
    {
        int shared = CountShared(left, right);
        int length = left.Length + right.Length - (shared * DistinctPayload.SparseBytes);
        if (length <= DistinctPayload.MaxSparse * DistinctPayload.SparseBytes)
        {
            MergeSorted(left, right, destination);
            return length;
        }

        // One entry too many is as long as the dense form, so the dense form still fits into the destination.
        destination[..DistinctPayload.DenseBytes].Clear();
        RaiseAll(destination, left);
        RaiseAll(destination, right);
        return DistinctPayload.DenseBytes;
    }

    private static void MergeSorted(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> destination)
    {
        while (!left.IsEmpty && !right.IsEmpty)
        {
            int a = DistinctPayload.ReadSparse(left);
            int b = DistinctPayload.ReadSparse(right);
            bool isShared = a >> 6 == b >> 6;

            // Entries of one register differ in the rank alone, so there the greater entry is the higher rank.
            DistinctPayload.WriteSparse(destination, isShared ? Math.Max(a, b) : Math.Min(a, b));
            destination = destination[DistinctPayload.SparseBytes..];
            if (isShared || a < b)
                left = left[DistinctPayload.SparseBytes..];
            if (isShared || b < a)
                right = right[DistinctPayload.SparseBytes..];
        }

        left.CopyTo(destination);
        right.CopyTo(destination);
    }

    private static int CountShared(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        int shared = 0;
        while (!left.IsEmpty && !right.IsEmpty)
        {
            int order = (DistinctPayload.ReadSparse(left) >> 6) - (DistinctPayload.ReadSparse(right) >> 6);
            if (order == 0)
                shared++;
            if (order <= 0)
                left = left[DistinctPayload.SparseBytes..];
            if (order >= 0)
                right = right[DistinctPayload.SparseBytes..];
        }

        return shared;
    }

    private static void RaiseAll(Span<byte> dense, ReadOnlySpan<byte> sparse)
    {
        for (; !sparse.IsEmpty; sparse = sparse[DistinctPayload.SparseBytes..])
            DistinctPayload.Raise(dense, DistinctPayload.ReadSparse(sparse));
    }
}

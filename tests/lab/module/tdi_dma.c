// SPDX-License-Identifier: GPL-2.0-only
/*
 * tdi_dma - a driver of tdi-testdev, for what only a driver does: DMA.
 *
 * It maps buffers as any driver does, has the device copy them into its memory and
 * back, compares, and tells where on the bus its buffers were: at the address of
 * the memory itself, or elsewhere, in a bounce buffer.
 *
 * Pieces are of 4 MiB, or less if that is more than a mapping may be: 256 KiB
 * with bounce buffers.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../include/tdi_dma.h"
#include "../../../hw/tdisp/tdi-testdev.h"

#define PIECE_MAX	SZ_4M
#define TIMEOUT_MS	60000

struct tdi_dma {
	struct kref kref; /* the driver's, and one for each open file */
	struct pci_dev *pdev;
	void __iomem *regs;
	struct miscdevice misc;
	char name[32];
	struct mutex lock; /* one copy at a time; @gone */
	bool gone; /* the device has lost this driver */
	u64 memory;
};

/* A buffer in pieces, of one copy */
struct tdi_buffer {
	struct tdi_dma *tdi;
	struct tdi_dma_copy *copy;
	size_t piece;
	int nr;
	void **pieces;
	dma_addr_t *bus; /* of coherent ones */
};

static u32 tdi_read(struct tdi_dma *tdi, u32 reg)
{
	return readl(tdi->regs + reg);
}

static void tdi_write(struct tdi_dma *tdi, u32 reg, u32 value)
{
	writel(value, tdi->regs + reg);
}

/* One piece; returns how the device ended it, or BUSY if it does not */
static u32 tdi_transfer(struct tdi_dma *tdi, u32 command, dma_addr_t bus,
			u64 offset, u32 length)
{
	ktime_t end = ktime_add_ms(ktime_get(), TIMEOUT_MS);
	u32 status;

	tdi_write(tdi, TDI_TESTDEV_DMA_IOVA_LO, lower_32_bits(bus));
	tdi_write(tdi, TDI_TESTDEV_DMA_IOVA_HI, upper_32_bits(bus));
	tdi_write(tdi, TDI_TESTDEV_DMA_OFFSET_LO, lower_32_bits(offset));
	tdi_write(tdi, TDI_TESTDEV_DMA_OFFSET_HI, upper_32_bits(offset));
	tdi_write(tdi, TDI_TESTDEV_DMA_LENGTH, length);
	tdi_write(tdi, TDI_TESTDEV_DMA_COMMAND, command);
	do {
		status = tdi_read(tdi, TDI_TESTDEV_DMA_STATUS);
		if (status != TDI_TESTDEV_DMA_BUSY)
			break;
		usleep_range(20, 50);
	} while (ktime_before(ktime_get(), end));

	return status;
}

static void *tdi_piece(struct tdi_buffer *buffer, int i)
{
	struct device *dev = &buffer->tdi->pdev->dev;

	if (buffer->copy->flags & TDI_DMA_COHERENT)
		return dma_alloc_coherent(dev, buffer->piece, &buffer->bus[i],
					  GFP_KERNEL | __GFP_NOWARN);
	return alloc_pages_exact(buffer->piece, GFP_KERNEL | __GFP_NOWARN);
}

static void tdi_buffer_free(struct tdi_buffer *buffer)
{
	struct device *dev = &buffer->tdi->pdev->dev;

	for (int i = 0; i < buffer->nr; i++) {
		if (buffer->copy->flags & TDI_DMA_COHERENT)
			dma_free_coherent(dev, buffer->piece, buffer->pieces[i],
					  buffer->bus[i]);
		else
			free_pages_exact(buffer->pieces[i], buffer->piece);
	}
	kvfree(buffer->pieces);
	kvfree(buffer->bus);
}

static int tdi_buffer_alloc(struct tdi_buffer *buffer)
{
	int nr = buffer->copy->bytes / buffer->piece;

	buffer->pieces = kvcalloc(nr, sizeof(*buffer->pieces), GFP_KERNEL);
	buffer->bus = kvcalloc(nr, sizeof(*buffer->bus), GFP_KERNEL);
	if (!buffer->pieces || !buffer->bus)
		goto out_free;

	for (; buffer->nr < nr; buffer->nr++) {
		void *piece = tdi_piece(buffer, buffer->nr);

		if (!piece)
			goto out_free;
		buffer->pieces[buffer->nr] = piece;
	}
	return 0;

out_free:
	tdi_buffer_free(buffer);
	return -ENOMEM;
}

static u32 tdi_word(struct tdi_buffer *buffer, int i, size_t word)
{
	return buffer->copy->seed + (i * (buffer->piece / 4) + word) * 2654435761U;
}

static void tdi_fill(struct tdi_buffer *buffer)
{
	for (int i = 0; i < buffer->nr; i++) {
		u32 *words = buffer->pieces[i];

		for (size_t word = 0; word < buffer->piece / 4; word++)
			words[word] = tdi_word(buffer, i, word);
	}
}

static bool tdi_compare(struct tdi_buffer *buffer)
{
	for (int i = 0; i < buffer->nr; i++) {
		u32 *words = buffer->pieces[i];

		for (size_t word = 0; word < buffer->piece / 4; word++)
			if (words[word] != tdi_word(buffer, i, word))
				return false;
	}
	return true;
}

static int tdi_map(struct tdi_buffer *buffer, int i,
		   enum dma_data_direction dir)
{
	struct device *dev = &buffer->tdi->pdev->dev;
	struct tdi_dma_copy *copy = buffer->copy;
	phys_addr_t gpa = virt_to_phys(buffer->pieces[i]);

	if (!(copy->flags & TDI_DMA_COHERENT)) {
		buffer->bus[i] = dma_map_single(dev, buffer->pieces[i],
						buffer->piece, dir);
		if (dma_mapping_error(dev, buffer->bus[i]))
			return -EIO;
	}

	copy->mappings++;
	if (buffer->bus[i] != gpa)
		copy->elsewhere++;
	if (!i) {
		copy->gpa = gpa;
		copy->bus = buffer->bus[i];
	}
	return 0;
}

static int tdi_move(struct tdi_buffer *buffer, u32 command,
		    enum dma_data_direction dir, u64 *ns)
{
	struct device *dev = &buffer->tdi->pdev->dev;
	struct tdi_dma_copy *copy = buffer->copy;
	u64 start = ktime_get_ns();
	int rc;

	copy->status = TDI_TESTDEV_DMA_OK;
	for (int i = 0; i < buffer->nr && copy->status == TDI_TESTDEV_DMA_OK;
	     i++) {
		rc = tdi_map(buffer, i, dir);
		if (rc)
			return rc;
		copy->status = tdi_transfer(buffer->tdi, command,
					    buffer->bus[i], i * buffer->piece,
					    buffer->piece);
		if (!(copy->flags & TDI_DMA_COHERENT))
			dma_unmap_single(dev, buffer->bus[i], buffer->piece,
					 dir);
	}
	*ns = ktime_get_ns() - start;
	return 0;
}

static int tdi_copy(struct tdi_dma *tdi, struct tdi_dma_copy *copy)
{
	struct device *dev = &tdi->pdev->dev;
	struct tdi_buffer buffer = {
		.tdi = tdi,
		.copy = copy,
		.piece = min3(copy->bytes, (u64)PIECE_MAX,
			      (u64)dma_max_mapping_size(dev)),
	};
	int rc;

	if (!copy->bytes || copy->bytes % buffer.piece ||
	    buffer.piece % PAGE_SIZE || copy->bytes > tdi->memory)
		return -EINVAL;

	copy->mappings = 0;
	copy->elsewhere = 0;
	rc = tdi_buffer_alloc(&buffer);
	if (rc)
		return rc;

	tdi_fill(&buffer);
	rc = tdi_move(&buffer, TDI_TESTDEV_DMA_READ, DMA_TO_DEVICE,
		      &copy->to_ns);
	if (rc || copy->status != TDI_TESTDEV_DMA_OK)
		goto out_free;

	for (int i = 0; i < buffer.nr; i++)
		memset(buffer.pieces[i], 0, buffer.piece);
	rc = tdi_move(&buffer, TDI_TESTDEV_DMA_WRITE, DMA_FROM_DEVICE,
		      &copy->from_ns);
	if (!rc && copy->status == TDI_TESTDEV_DMA_OK && !tdi_compare(&buffer))
		rc = -EILSEQ;
out_free:
	tdi_buffer_free(&buffer);
	return rc;
}

static long tdi_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct tdi_dma *tdi = container_of(file->private_data, struct tdi_dma,
					   misc);
	struct tdi_dma_copy copy;
	int rc;

	if (cmd != TDI_DMA_COPY)
		return -ENOTTY;
	if (copy_from_user(&copy, (void __user *)arg, sizeof(copy)))
		return -EFAULT;

	mutex_lock(&tdi->lock);
	rc = tdi->gone ? -ENODEV : tdi_copy(tdi, &copy);
	mutex_unlock(&tdi->lock);
	if (copy_to_user((void __user *)arg, &copy, sizeof(copy)))
		return -EFAULT;
	return rc;
}

static void tdi_free(struct kref *kref)
{
	kfree(container_of(kref, struct tdi_dma, kref));
}

/* misc_deregister() waits for an open that is under way. */
static int tdi_open(struct inode *inode, struct file *file)
{
	struct tdi_dma *tdi = container_of(file->private_data, struct tdi_dma,
					   misc);

	kref_get(&tdi->kref);
	return 0;
}

static int tdi_release(struct inode *inode, struct file *file)
{
	struct tdi_dma *tdi = container_of(file->private_data, struct tdi_dma,
					   misc);

	kref_put(&tdi->kref, tdi_free);
	return 0;
}

static const struct file_operations tdi_fops = {
	.owner = THIS_MODULE,
	.open = tdi_open,
	.release = tdi_release,
	.unlocked_ioctl = tdi_ioctl,
};

static int tdi_start(struct tdi_dma *tdi)
{
	struct pci_dev *pdev = tdi->pdev;
	int rc;

	rc = pcim_enable_device(pdev);
	if (rc)
		return rc;
	rc = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (rc)
		return rc;
	pci_set_master(pdev);

	tdi->memory = pci_resource_len(pdev, TDI_TESTDEV_MEM_BAR);
	tdi->regs = pcim_iomap(pdev, TDI_TESTDEV_REG_BAR, 0);
	if (!tdi->regs)
		return -ENOMEM;
	if (tdi_read(tdi, TDI_TESTDEV_ID) != TDI_TESTDEV_ID_VALUE)
		return -ENODEV;

	return misc_register(&tdi->misc);
}

static int tdi_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct tdi_dma *tdi;
	int rc;

	tdi = kzalloc(sizeof(*tdi), GFP_KERNEL);
	if (!tdi)
		return -ENOMEM;

	kref_init(&tdi->kref);
	mutex_init(&tdi->lock);
	tdi->pdev = pdev;
	snprintf(tdi->name, sizeof(tdi->name), "tdi-dma-%s", pci_name(pdev));
	tdi->misc = (struct miscdevice) {
		.minor = MISC_DYNAMIC_MINOR,
		.name = tdi->name,
		.mode = 0600,
		.fops = &tdi_fops,
	};
	pci_set_drvdata(pdev, tdi);
	rc = tdi_start(tdi);
	if (rc)
		kref_put(&tdi->kref, tdi_free);
	return rc;
}

/* Waits for a copy; whoever has the file open then finds nothing behind it. */
static void tdi_remove(struct pci_dev *pdev)
{
	struct tdi_dma *tdi = pci_get_drvdata(pdev);

	misc_deregister(&tdi->misc);
	mutex_lock(&tdi->lock);
	tdi->gone = true;
	mutex_unlock(&tdi->lock);
	kref_put(&tdi->kref, tdi_free);
}

static const struct pci_device_id tdi_ids[] = {
	{ PCI_DEVICE(TDI_TESTDEV_VENDOR_ID, TDI_TESTDEV_DEVICE_ID) },
	{ PCI_DEVICE(TDI_TESTDEV_VENDOR_ID, TDI_TESTDEV_VF_DEVICE_ID) },
	{ }
};

static struct pci_driver tdi_driver = {
	.name = "tdi-dma",
	.id_table = tdi_ids,
	.probe = tdi_probe,
	.remove = tdi_remove,
};
module_pci_driver(tdi_driver);

MODULE_DESCRIPTION("DMA of tdi-testdev, for the guests of the TEE-I/O lab");
MODULE_LICENSE("GPL");

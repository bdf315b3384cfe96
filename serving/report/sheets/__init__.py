"""Sheets of the workbook; loads openpyxl, so import it where a workbook is made only."""
